"""What people are shown of a bot."""

from __future__ import annotations

from typing import Any

import pytest

from mindbot.api.models import PlatformView
from mindbot.api.shown import ago, facts, links

NOW = 1_790_000_000.0


def a_bot(**more: Any) -> PlatformView:
    known = {"platform": "dingtalk", "bot": "default", "state": "ok", "since": NOW - 95, **more}
    return PlatformView.model_validate(known)


def told(bot: PlatformView) -> dict[str, list[str]]:
    """Return the facts by their label."""
    found: dict[str, list[str]] = {}
    label = ""
    for name, text in facts(bot, NOW):
        label = name or label
        found.setdefault(label, []).append(text)
    return found


def test_the_state_says_since_when() -> None:
    found = told(a_bot())
    assert found["state"][0].startswith("ok for 1 min, since ")
    assert (found["messages"], found["sent"]) == (["0"], ["0"])


@pytest.mark.parametrize(
    ("state", "label", "command"),
    [
        ("failed", "find out", "mindbot platform test dingtalk/default"),
        ("degraded", "find out", "mindbot platform test dingtalk/default"),
        ("stopped", "start it", "mindbot platform start dingtalk/default"),
    ],
)
def test_a_bot_that_is_not_well_says_what_to_do(state: str, label: str, command: str) -> None:
    found = told(a_bot(state=state, reason="needs credentials: 40001", abilities=["test"]))
    assert found["reason"] == ["needs credentials: 40001"]
    assert found[label] == [command]


def test_traffic_is_told_in_words() -> None:
    traffic = {"received": 7, "duplicates": 2, "last_message": NOW - 3, "sent": 5, "waiting": 1, "dead": 1}
    traffic |= {"last_sent": NOW - 7200, "failed": NOW - 60, "error": "no user x"}
    found = told(a_bot(traffic=traffic))
    assert found["messages"] == ["7, 2 repeats, the last 3 s ago"]
    assert found["sent"] == ["5, 1 waiting, 1 dead, the last 2 h ago"]
    assert found["last failure"] == ["1 min ago: no user x"]


def test_connections_and_accounts_are_lines_of_their_own() -> None:
    up = {"state": "connected", "reason": "", "since": NOW - 10, "opened": 2}
    down = {"state": "waiting", "reason": "refused", "since": NOW - 3700, "opened": 9}
    bot = a_bot(details={"connections": [up, down], "cards": 3, "budget_left": {"a": 5}, "old": []})
    found = told(bot)
    assert found["connections"] == [
        "connected for 10 s, opened 2",
        "waiting for 1 h, reason refused, opened 9",
    ]
    assert found["old"] == ["none"]
    assert found["details"] == ["cards 3, budget left a 5"]
    assert links(bot) == "1/2"
    accounts = [{"account": "wk1", "pulled": NOW - 4}, {"account": "wk2", "pulled": 0.0, "error": "40001"}]
    pulled = a_bot(details={"accounts": accounts})
    assert told(pulled)["accounts"] == ["wk1, pulled 4 s ago", "wk2, pulled never, error 40001"]
    assert links(pulled) == "1/2" and links(a_bot()) == ""


@pytest.mark.parametrize(("seconds", "said"), [(-1, "0 s"), (59, "59 s"), (3599, "59 min"), (90000, "1 d")])
def test_how_long_ago(seconds: float, said: str) -> None:
    assert ago(seconds) == said
