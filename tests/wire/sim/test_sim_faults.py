"""The grammar of faults, and that a run repeats."""

from collections import Counter

import pytest

from mindbot.domain.errors import ConfigError
from mindbot.sim.faults import REQUEST_KINDS, Faults, kind, parse

KINDS = {
    **REQUEST_KINDS,
    "errcode": kind(),
    "cut-stream": kind(chunks=True),
    "expired-token": kind(once=True),
}


def faults(*specs: str, seed: int = 0) -> Faults:
    made = Faults("wecom", KINDS, Counter())
    made.set(specs, seed)
    return made


def pattern(made: Faults, kind_: str, times: int, path: str = "/cgi-bin/message/send") -> str:
    return "".join("x" if made.strike(path, kind_) else "." for _ in range(times))


def test_a_full_spec() -> None:
    fault = parse("wecom/429:retry-after=7:0.5:n=3:after=2@message/send", KINDS)
    assert (fault.simulator, fault.kind, fault.number, fault.rate) == ("wecom", "status", 429, 0.5)
    assert (fault.limit, fault.after, fault.path) == (3, 2, "message/send")
    assert fault.options == {"retry-after": "7"}


@pytest.mark.parametrize(
    ("spec", "seconds"), [("slow:2s", 2.0), ("slow:150ms", 0.15), ("slow:0.5:1m", 60.0), ("slow", 0.0)]
)
def test_durations(spec: str, seconds: float) -> None:
    assert parse(spec, KINDS).seconds == seconds


@pytest.mark.parametrize("code", [45009, -1, 301002])
def test_numbers_of_other_lengths_are_error_codes(code: int) -> None:
    fault = parse(str(code), KINDS)
    assert (fault.kind, fault.number) == ("errcode", code)


@pytest.mark.parametrize(
    "spec",
    [
        "nonsense",
        "",
        "drop:2",
        "drop:2s",
        "drop:n=x",
        "drop:every=0",
        "429:retry=7",
        "status",
        "errcode",
        "slow:fast",
    ],
)
def test_bad_specs_say_what_would_do(spec: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(spec, KINDS)
    assert caught.value.message


def test_rate_repeats_with_the_seed() -> None:
    first = pattern(faults("drop:0.3", seed=7), "drop", 200)
    assert first == pattern(faults("drop:0.3", seed=7), "drop", 200)
    assert first != pattern(faults("drop:0.3", seed=8), "drop", 200)
    assert 35 < first.count("x") < 85


def test_requests_elsewhere_do_not_disturb_the_decisions() -> None:
    calm, busy = faults("drop:0.3@message/send"), faults("drop:0.3@message/send")
    seen = ""
    for _ in range(50):
        busy.strike("/cgi-bin/gettoken", "drop")
        seen += pattern(busy, "drop", 1)
    assert seen == pattern(calm, "drop", 50)


def test_count_after_and_every() -> None:
    assert pattern(faults("drop:n=2"), "drop", 5) == "xx..."
    assert pattern(faults("drop:after=3"), "drop", 5) == "...xx"
    assert pattern(faults("drop:every=3"), "drop", 7) == "..x..x."
    assert pattern(faults("drop:after=2:n=1"), "drop", 5) == "..x.."


def test_an_expired_token_strikes_once_unless_told_otherwise() -> None:
    assert pattern(faults("expired-token:after=2"), "expired-token", 5) == "..x.."
    assert pattern(faults("expired-token:every=2"), "expired-token", 5) == ".x.x."


def test_stream_faults_count_chunks() -> None:
    fault = parse("cut-stream:after=3", KINDS)
    assert fault.after == 0
    assert fault.count("after", 0) == 3


def test_several_faults_may_strike_together() -> None:
    struck = faults("slow:1s", "429").strikes("/x", ("slow", "status"))
    assert [fault.kind for fault in struck] == ["slow", "status"]


def test_a_fault_of_another_simulator_is_refused() -> None:
    with pytest.raises(ConfigError):
        faults("openai/drop")


def test_a_bad_spec_changes_nothing() -> None:
    made = faults("drop")
    with pytest.raises(ConfigError):
        made.set(["slow:1s", "bogus"])
    assert [entry["spec"] for entry in made.describe()] == ["drop"]
