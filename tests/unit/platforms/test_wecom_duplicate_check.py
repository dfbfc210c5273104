"""The duplicate check catches repeats of a delivery and never an equal answer of another."""

from mindbot.domain.delivery import Delivery
from mindbot.platforms.wecom.duplicate_check import DuplicateCheck


def a_delivery(turn: int, *, again: bool = False, created: float = 0.0) -> Delivery:
    to = {"touser": "u"}
    return Delivery(turn, 0, "wecom", "hr", "s", to, [], again=again, created=created)


def test_every_attempt_at_a_delivery_asks_for_the_same_check_also_after_a_restart() -> None:
    repeats = DuplicateCheck()
    first = repeats.check(a_delivery(1), "u", "yes")
    assert first["enable_duplicate_check"] == 1
    assert 1800 <= first["duplicate_check_interval"] <= 14_400
    assert repeats.check(a_delivery(1), "u", "yes") == first
    assert repeats.check(a_delivery(1, again=True), "u", "yes") == first
    assert DuplicateCheck().check(a_delivery(1, again=True), "u", "yes") == first


def test_deliveries_differ() -> None:
    checks = [
        DuplicateCheck().check(a_delivery(turn), "u", "yes")["duplicate_check_interval"] for turn in range(20)
    ]
    assert len(set(checks)) > 15


def test_an_equal_answer_goes_out_unchecked_until_it_may_have_arrived() -> None:
    repeats = DuplicateCheck()
    repeats.check(a_delivery(1), "u", "yes")
    for _ in range(2):
        assert repeats.check(a_delivery(2), "u", "yes") == {}
    assert repeats.check(a_delivery(2, again=True), "u", "yes")
    assert repeats.check(a_delivery(3), "u", "no")
    assert repeats.check(a_delivery(4), "somebody else", "yes")


def test_it_forgets_when_wecom_does() -> None:
    now = 0.0
    repeats = DuplicateCheck(clock=lambda: now)
    repeats.check(a_delivery(1), "u", "yes")
    now = 5399.0
    assert not repeats.check(a_delivery(2), "u", "yes")
    now += 5400.0
    assert repeats.check(a_delivery(3), "u", "yes")


def test_a_delivery_is_known_again_for_less_than_its_interval() -> None:
    repeats, made = DuplicateCheck(), a_delivery(1, created=1e9)
    interval = repeats.check(made, "u", "yes")["duplicate_check_interval"]
    assert repeats.knows(made, "u", "yes", 1e9 + interval - 90)
    assert not repeats.knows(made, "u", "yes", 1e9 + interval - 30)  # the request may arrive after it
    assert DuplicateCheck().knows(made, "u", "yes", 1e9 + interval - 90)  # after a restart
    assert not DuplicateCheck().knows(made, "u", "yes", 1e9 + 7200)


def test_what_went_out_unchecked_is_not_counted_on_to_be_known() -> None:
    repeats = DuplicateCheck()
    first, equal = a_delivery(1, created=1e9), a_delivery(2, created=1e9)
    repeats.check(first, "u", "yes")
    assert repeats.check(equal, "u", "yes") == {}
    assert not repeats.knows(equal, "u", "yes", 1e9 + 1)
    assert repeats.knows(first, "u", "yes", 1e9 + 1)
