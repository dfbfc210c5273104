"""When a model is left alone, for how long, and when it is asked again."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from mindbot.domain.errors import LONGEST_WAIT
from mindbot.providers.management.breaker import Breakers, CircuitKey
from mindbot.providers.shared.circuit import FIRST, LONGEST, WINDOW, Admission, Circuit


class Hands:
    """A clock that is set by hand."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def failing(circuit: Circuit, times: int = 2) -> None:
    for _ in range(times):
        if (admission := circuit.admit()) is not None:
            circuit.failed(admission, "HTTP 500")


def test_one_failure_is_no_pattern_and_half_of_them_neither() -> None:
    circuit = Circuit(Hands())
    failing(circuit, 1)
    assert circuit.state == "closed"
    call = circuit.admit()
    assert call is Admission.CALL
    circuit.succeeded(call)
    failing(circuit, 1)
    assert circuit.state == "open", "two of three"


def test_what_is_older_than_the_window_does_not_count() -> None:
    clock = Hands()
    circuit = Circuit(clock)
    failing(circuit, 1)
    clock.now += WINDOW + 1
    failing(circuit, 1)
    assert circuit.state == "closed"


def test_one_probe_at_a_time_when_it_is_half_open() -> None:
    clock = Hands()
    circuit = Circuit(clock)
    failing(circuit)
    assert circuit.admit() is None
    clock.now += FIRST
    assert circuit.state == "half_open"
    assert circuit.admit() is Admission.PROBE
    assert circuit.admit() is None and circuit.probing
    circuit.succeeded(Admission.PROBE)
    assert (circuit.state, circuit.admit()) == ("closed", Admission.CALL)


def test_a_probe_that_says_nothing_is_made_again() -> None:
    clock = Hands()
    circuit = Circuit(clock)
    failing(circuit)
    clock.now += FIRST
    circuit.release(circuit.admit() or Admission.CALL)
    assert circuit.admit() is Admission.PROBE


def test_each_probe_that_fails_doubles_the_wait_to_a_minute_at_most() -> None:
    clock = Hands()
    circuit = Circuit(clock)
    failing(circuit)
    waits = []
    for _ in range(6):
        waits.append(circuit.waits)
        clock.now += circuit.waits
        failing(circuit, 1)
    assert waits == [FIRST, 2 * FIRST, 4 * FIRST, LONGEST, LONGEST, LONGEST]


def test_a_call_from_before_it_opened_neither_closes_nor_stretches_it() -> None:
    circuit = Circuit(Hands())
    late, later = circuit.admit(), circuit.admit()
    assert late is not None and later is not None
    failing(circuit)
    until = circuit.until
    circuit.failed(late, "HTTP 500")
    circuit.succeeded(later)
    assert (circuit.state, circuit.until) == ("open", until)


def test_whom_nobody_could_replace_is_not_left_alone_for_failing() -> None:
    circuit = Circuit(Hands())
    for _ in range(5):
        admission = circuit.admit()
        assert admission is Admission.CALL
        circuit.failed(admission, "HTTP 500", opens=False)
    assert circuit.state == "closed"


def test_a_known_moment_holds_and_only_a_later_one_replaces_it() -> None:
    clock = Hands()
    circuit = Circuit(clock)
    circuit.cool(clock.now + 100, "quota", "no money")
    circuit.cool(clock.now + 5, "rate", "slow down")
    assert (circuit.waits, circuit.reason) == (100, "quota")


def test_a_late_refusal_of_an_old_call_makes_no_second_probe() -> None:
    clock = Hands()
    circuit = Circuit(clock)
    circuit.cool(clock.now + 10, "rate", "slow down")
    clock.now += 11
    probe = circuit.admit()
    assert probe is Admission.PROBE
    circuit.cool(clock.now + 1, "rate", "an old call's")
    clock.now += 2
    assert circuit.admit() is None and circuit.probing
    circuit.release(probe)
    assert circuit.admit() is Admission.PROBE


def test_a_clock_that_is_set_back_stretches_no_wait() -> None:
    clock = Hands()
    failed, poor = Circuit(clock), Circuit(clock)
    failing(failed)
    poor.cool(clock.now + 100, "quota", "no money")
    clock.now += 4
    assert failed.waits == FIRST - 4
    clock.now -= 3600
    assert (failed.waits, failed.state, failed.free) == (FIRST - 4, "open", False)
    clock.now += FIRST
    assert failed.free and failed.admit() is Admission.PROBE
    assert poor.waits > 3600, "its money comes at a time of day"


def test_the_moment_is_kept_as_a_time_of_day() -> None:
    clock = Hands()
    circuit = Circuit(clock)
    circuit.cool(clock.now + 100, "quota", "no money")
    kept = circuit.to_json()
    assert kept is not None
    clock.now += 60
    again = Circuit(clock)
    again.restore(kept)
    assert (again.state, again.waits, again.why) == ("open", 40, "no money")
    clock.now += 40
    assert again.admit() is Admission.PROBE
    again.succeeded(Admission.PROBE)
    assert again.to_json() is None
    again.restore({"until": clock.now + 86400, "reason": "rate", "why": "before the clock was set back"})
    assert again.waits == LONGEST_WAIT


def test_a_key_that_was_refused_is_forgiven_when_somebody_looked_after_it() -> None:
    clock = Hands()
    breakers = Breakers(clock)
    refused, poor = CircuitKey("a", "one"), CircuitKey("a", "two")
    breakers.of(refused).cool(clock.now + 600, "auth", "wrong key")
    breakers.of(poor).cool(clock.now + 600, "quota", "no money")
    breakers.forgive_keys({"auth"})
    assert (breakers.of(refused).state, breakers.of(poor).state) == ("closed", "open")
    assert breakers.changed == {refused}
    breakers.forgive("a")
    assert breakers.of(poor).state == "closed"
    assert str(CircuitKey("a", "", "m")) == "a/m" and breakers.look(CircuitKey("b", "")) is None


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 90), st.sampled_from(["ok", "fail", "release"])), max_size=80))
def test_it_always_comes_back_within_two_minutes_of_health(steps: list[tuple[float, str]]) -> None:
    clock = Hands()
    circuit = Circuit(clock)
    for wait, ends in steps:
        clock.now += wait
        if (admission := circuit.admit()) is None:
            continue
        if ends == "ok":
            circuit.succeeded(admission)
        elif ends == "fail":
            circuit.failed(admission, "HTTP 500")
        else:
            circuit.release(admission)
    assert circuit.waits <= LONGEST
    clock.now += 120
    assert circuit.free
    admission = circuit.admit()
    assert admission is not None
    circuit.succeeded(admission)
    assert circuit.free
