"""Health in a line: what is wrong, what matters most first."""

from __future__ import annotations

import pytest

from mindbot.domain.health import TEXTS, troubles
from mindbot.domain.shapes.daemon import ComponentJson, FailingJson


def ill(component: str, state: str = "failed") -> ComponentJson:
    return {"component": component, "state": state, "reason": "", "since": 0.0}


def failing(failed: int = 0, ended: int = 0) -> FailingJson:
    return {"window_s": 300.0, "ended": ended, "failed": failed, "share": failed / ended if ended else 0.0}


def test_an_outage_is_said_in_one_line() -> None:
    parts = [ill("bot wecom/hr"), ill("bot wecom/it"), ill("provider openai", "degraded")]
    found = troubles(parts, failing(12, 12), undelivered=0, dead=6, waiting={"answers": 9, "oldest_s": 95.0})
    said = ["2 bots down", "openai degraded", "100 % failing", "9 answers wait · oldest 1 min", "6 dead"]
    assert [each.say() for each in found] == said
    assert [each.about for each in found] == ["bots", "providers", "failing", "waiting", "dead"]
    assert found[0].names == ("wecom/hr", "wecom/it")


def test_where_nothing_is_wrong_nothing_is_said() -> None:
    assert troubles([], failing(), 0, 0) == []
    assert troubles([], failing(1, 100), 0, 0) == [], "one in a hundred is no outage"
    assert [each.say() for each in troubles([], failing(1, 1), 0, 0)] == ["100 % failing"]


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([ill("store")], ["store down"]),
        ([ill("store"), ill("media")], ["2 parts down"]),
        ([ill("bot x/y", "stopped"), ill("workflow 退款", "degraded")], ["退款 degraded", "x/y stopped"]),
        ([ill("providers"), ill("provider a", "degraded")], ["providers down", "a degraded"]),
        ([ill("strange", "odd")], ["strange degraded"]),
    ],
)
def test_parts_are_named_or_counted(parts: list[ComponentJson], said: list[str]) -> None:
    assert [each.say() for each in troubles(parts, failing(), 0, 0)] == said


def test_delays_are_said_and_a_long_one_is_an_alarm() -> None:
    late = troubles(
        [],
        failing(),
        0,
        2,
        waiting={"answers": 12, "oldest_s": 50.0},
        slow={"turns": 1, "oldest_s": 130.0},
    )
    assert [(each.say(), each.grave) for each in late] == [
        ("2 dead", True),
        ("12 answers wait · oldest 50 s", False),
        ("1 turn runs · 2 min", False),
    ]
    [gone] = troubles([], failing(), 0, 0, waiting={"answers": 1, "oldest_s": 61.0})
    assert (gone.say(), gone.grave, gone.about) == ("1 answer waits · 1 min", True, "waiting")
    assert {each.text for each in (*late, gone)} <= set(TEXTS)


def test_what_starts_or_was_stopped_is_no_alarm() -> None:
    found = troubles([ill("bot a/b", "stopped"), ill("bot c/d", "starting")], failing(), 0, 1)
    assert [(each.say(), each.grave) for each in found] == [
        ("1 dead", True),
        ("a/b stopped", False),
        ("c/d starting", False),
    ]
    assert {each.text for each in found} <= set(TEXTS)
