"""What people are shown of a bot."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

import mindbot.platforms
from mindbot.api.models import PlatformView
from mindbot.api.shown import CHECKS, DETAILS, LABELS, LINES, ago, facts, links

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
    assert (found["details"], found["budget left"]) == (["cards 3"], ["a 5"])
    assert links(bot) == "1/2"
    accounts = [{"account": "wk1", "pulled": NOW - 4}, {"account": "wk2", "pulled": 0.0, "error": "40001"}]
    pulled = a_bot(details={"accounts": accounts})
    assert told(pulled)["accounts"] == ["wk1, pulled 4 s ago", "wk2, pulled never, error 40001"]
    assert links(pulled) == "1/2" and links(a_bot()) == ""


def test_a_bot_with_one_connection_tells_of_it_like_the_others() -> None:
    line = {"state": "connected", "reason": "", "since": NOW - 10, "opened": 2}
    bot = a_bot(details={"mode": "connection", "connection": line, "streams": 1})
    found = told(bot)
    assert found["connection"] == ["connected for 10 s, opened 2"]
    assert found["details"] == ["mode connection, streams 1"]
    assert links(bot) == "1/1"
    assert links(bot.model_copy(update={"state": "stopped"})) == "", "what was up before counts no more"


def test_an_account_that_is_called_by_its_id_says_it_once() -> None:
    found = told(a_bot(details={"accounts": [{"account": "wk1", "name": "wk1", "pulls": 3}]}))
    assert found["accounts"] == ["wk1, pulls 3"]


@pytest.mark.parametrize(("seconds", "said"), [(-1, "0 s"), (59, "59 s"), (3599, "59 min"), (90000, "1 d")])
def test_how_long_ago(seconds: float, said: str) -> None:
    assert ago(seconds) == said


def names(*calls: str) -> set[str]:
    """Return the texts that functions of these names are given in the built-in platforms."""
    found = set()
    for path in Path(mindbot.platforms.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            text, name = node.args[0], getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in calls and isinstance(text, ast.Constant):
                found.add(str(text.value))
    return found


def told_of_bots() -> set[str]:
    """Return the names of the facts that the built-in platforms tell."""
    found: set[str] = set()
    for path in Path(mindbot.platforms.__path__[0]).rglob("*.py"):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef) or function.name != "details":
                continue
            for node in ast.walk(function):
                keys = node.keys if isinstance(node, ast.Dict) else ()
                keys = node.elts if isinstance(node, ast.Tuple) else keys
                found |= {str(key.value) for key in keys if isinstance(key, ast.Constant)}
    return {name.replace("_", " ") for name in found}


def test_what_built_in_platforms_tell_can_be_said_in_other_languages() -> None:
    checks = names("Check", "step", "token")
    assert {"access token", "sending", "round trip"} <= checks <= set(CHECKS)
    assert {"last callback", "cards", "pulled"} <= told_of_bots() <= {*DETAILS, *LABELS}
    assert names("become", "_become") <= set(LINES)


def test_everything_is_said_through_the_language_in_use() -> None:
    def marked(text: str, /, **values: object) -> str:
        return "«" + text.format(**values) + "»"

    bot = a_bot(
        traffic={"received": 7, "duplicates": 2, "last_message": NOW - 3, "sent": 5, "dead": 1},
        details={"connections": [{"state": "connected", "since": NOW - 10, "opened": 2}], "cards": 3},
    )
    found = dict(facts(bot, NOW, marked))
    assert found["«messages»"] == "«7«, »«2 repeats», the last «3 s» ago»"
    assert found["«connections»"] == "««connected» for «10 s»»«, »«opened» 2"
    assert found["«details»"] == "«cards» 3"
    assert all(text.startswith("«") for text in found)


def test_times_are_told_as_how_long_ago() -> None:
    details = {"callbacks": 3, "last_callback": NOW - 302, "last_call": 0.0, "last_refused": NOW + 0.2}
    found = told(a_bot(details={**details, "until": NOW + 3700}))
    assert found["details"] == [
        "callbacks 3, last callback 5 min ago, last call never, last refused 0 s ago, until in 1 h"
    ]
