"""So many to one name in so many seconds, whichever way the platform counts."""

from hypothesis import given
from hypothesis import strategies as st

from mindbot.platforms.allowance import Allowance


class Clock:
    now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def test_the_last_place_says_how_long_to_wait() -> None:
    clock = Clock()
    allowance = Allowance([(2, 60)], clock=clock)
    assert allowance.wait(["li"]) == 0
    clock.now += 10
    assert allowance.wait(["li"]) == 0
    clock.now += 10
    assert allowance.wait(["li"]) == 40
    assert allowance.wait(["mei"]) == 0
    clock.now += 40
    assert allowance.wait(["li"]) == 0
    assert allowance.wait(["li"]) == 10


def test_one_name_too_many_takes_no_place_of_the_others() -> None:
    allowance = Allowance([(1, 60)], clock=Clock())
    assert allowance.wait(["li"]) == 0
    assert allowance.wait(["mei", "li"]) == 60
    assert allowance.wait(["mei"]) == 0


def test_what_went_out_before_a_restart_counts() -> None:
    clock = Clock()
    allowance = Allowance([(2, 60)], clock=clock)
    for ago in (70, 50, 20):
        allowance.past("li", ago)
    assert allowance.wait(["li"]) == 10


def test_what_seems_to_have_gone_out_later_went_out_now() -> None:
    allowance = Allowance([(1, 60)], clock=Clock())
    allowance.past("li", -3600)  # the machine's clock was set back meanwhile
    assert allowance.wait(["li"]) == 60


def test_no_limit_and_a_clock_that_was_set_back() -> None:
    assert [Allowance([(0, 60)]).wait(["li"]) for _ in range(100)] == [0] * 100
    clock = Clock()
    allowance = Allowance([(1, 60)], clock=clock)
    allowance.wait(["li"])
    clock.now -= 86_400
    assert allowance.wait(["li"]) == 60


def test_no_more_names_are_remembered_than_asked_for() -> None:
    clock = Clock()
    allowance = Allowance([(1, 60)], names=3, clock=clock)
    for n in range(10):
        allowance.wait([f"user{n}"])
    assert allowance.wait(["user0"]) == 0
    assert allowance.wait(["user9"]) == 60


@given(st.lists(st.floats(0, 30), min_size=1, max_size=60))
def test_no_span_ever_holds_more_than_the_limit(gaps: list[float]) -> None:
    clock = Clock()
    allowance = Allowance([(3, 60), (5, 300)], clock=clock)
    sent: list[float] = []
    for gap in gaps:
        clock.now += gap
        if allowance.wait(["li"]) == 0:
            sent.append(clock.now)
    for count, seconds in ((3, 60), (5, 300)):
        for first, beyond in zip(sent, sent[count:], strict=False):
            assert beyond - first >= seconds - 1e-6
