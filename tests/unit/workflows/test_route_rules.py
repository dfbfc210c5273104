"""RouteRules of `routes:`: which message matches which, and what they do together."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mindbot.config.hours import Hours
from mindbot.config.workflows import RouteSettings
from mindbot.domain.routing import RouteQuestion
from mindbot.workflows.router import splits
from mindbot.workflows.router.facts import Facts
from mindbot.workflows.router.rules import RouteRules, Rule

SHANGHAI = ZoneInfo("Asia/Shanghai")


def rules(*entries: dict[str, Any]) -> RouteRules:
    return RouteRules([RouteSettings.model_validate(entry) for entry in entries])


def matched(these: RouteRules, text: str = "hello", **asked: Any) -> list[str]:
    facts = Facts(RouteQuestion(text, **asked))
    return [rule.name for rule in these.matching(facts, lambda name: True)]


def at(day: int, hour: int, minute: int = 0) -> float:
    """2026-11-30 is a Monday."""
    return datetime(2026, 11, day, hour, minute, tzinfo=SHANGHAI).timestamp()


@pytest.mark.parametrize(
    ("rule", "yes", "no"),
    [
        ({"platform": "wecom"}, {"platform": "wecom"}, {"platform": "dingtalk"}),
        ({"bot": ["hr", "it"]}, {"bot": "it"}, {"bot": "sales"}),
        ({"user": "lin"}, {"user": "lin"}, {"user": "linda"}),
        ({"group": "*"}, {"group": "g1"}, {"group": ""}),
        ({"group": "-"}, {"group": ""}, {"group": "g1"}),
        ({"group": ["-", "g1"]}, {"group": "g1"}, {"group": "g2"}),
        ({"department": "R&D"}, {"departments": ("Board", "R&D")}, {"departments": ()}),
        ({"kind": "image"}, {"kind": "image"}, {"kind": "text"}),
        ({"kind": "image"}, {"kinds": ("text", "image")}, {"kinds": ("text",)}),
        ({"text": "refund|退款"}, {"text": "I want my REFUND"}, {"text": "hello"}),
        ({"text": "退款"}, {"text": "我要退款!"}, {"text": "你好"}),
        ({"when": 'department == "R&D" and text =~ "bug"'}, {"departments": ("R&D",), "text": "a bug"}, {}),
        ({"when": "vars.vip == true"}, {"vars": {"vip": True}}, {"vars": {}}),
        ({"time": "22:00-06:00", "timezone": "Asia/Shanghai"}, {"ts": at(30, 5, 59)}, {"ts": at(30, 6)}),
        ({"days": "mon-fri", "timezone": "Asia/Shanghai"}, {"ts": at(30, 12)}, {"ts": at(29, 12)}),
        ({"percent": 100}, {"user": "lin"}, None),
        ({"percent": 0}, None, {"user": "lin"}),
        ({"enabled": False}, None, {}),
    ],
)
def test_a_condition(rule: dict[str, Any], yes: dict[str, Any] | None, no: dict[str, Any] | None) -> None:
    these = rules({**rule, "name": "it"})
    assert yes is None or matched(these, **yes) == ["it"]
    assert no is None or matched(these, **no) == []


def test_a_window_over_midnight_is_of_the_day_on_which_it_begins() -> None:
    night = Hours("22:00-06:00", ("mon",), "Asia/Shanghai")
    assert night.hold(at(30, 23))  # Monday
    assert night.hold(datetime(2026, 12, 1, 3, tzinfo=SHANGHAI).timestamp())  # the night from it
    assert not night.hold(at(30, 3))  # Sunday's night


@pytest.mark.parametrize(
    "entry",
    [
        {"time": "9-18"},
        {"time": "09:00-25:00"},
        {"time": "09:00-09:00"},
        {"days": ["someday"]},
        {"timezone": "Asia/Beijing"},
        {"timezone": "../etc"},
        {"when": 'took > 5s and text == "x"'},
        {"when": "text =="},
        {"text": "("},
    ],
)
def test_what_can_never_hold_is_refused(entry: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="1 validation error"):
        RouteSettings.model_validate(entry)


def test_the_first_that_does_not_continue_is_the_last_word() -> None:
    these = rules(
        {"name": "tag", "set": {"tier": "gold"}, "then": "polish", "continue": True},
        {"name": "other", "platform": "dingtalk", "workflow": "b"},
        {"name": "day", "workflow": "a", "continue": True},
        {"name": "vip", "user": "lin", "workflow": "c", "set": {"tier": "vip"}},
        {"name": "rest", "runner": "chat"},
    )
    facts = Facts(RouteQuestion("hello", user="lin"))
    ruling = these.judge(facts, lambda name: True)
    assert [line.partition(":")[0] for line in ruling.lines] == ["tag", "day", "vip"]
    assert (ruling.rule, ruling.workflow, ruling.then, ruling.vars) == (
        "vip",
        "c",
        ("polish",),
        {"tier": "vip"},
    )
    assert [rule.matched for rule in these.all] == [1, 0, 1, 1, 0]
    told = these.told(facts, lambda name: True)
    assert told[1] == "✗ other: wants platform dingtalk; the platform is console"
    assert told[4] == "· rest: not asked, vip is the last word"


def test_a_rule_is_told_in_words_without_being_made_ready_for_messages() -> None:
    rule = Rule.of(RouteSettings.model_construct(text="no expression (", when="no filter (", workflow="a"), 1)
    assert rule.to_json()["conditions"] == 'text =~ "no expression ("; no filter ('


def test_a_rule_whose_workflow_cannot_be_asked_is_passed_over() -> None:
    these = rules({"name": "gone", "workflow": "a"}, {"name": "next", "workflow": "b"})
    facts = Facts(RouteQuestion("hello"))
    assert these.judge(facts, lambda name: name == "b").workflow == "b"
    assert these.told(facts, lambda name: name == "b")[0] == "✗ gone: its workflow a cannot be asked"


def test_a_share_of_the_users_stays_the_same_and_grows() -> None:
    users = [f"user{n}" for n in range(2_000)]
    ten = {user for user in users if splits.among("rule:beta", user, 10)}
    twenty = {user for user in users if splits.among("rule:beta", user, 20)}
    assert ten < twenty
    assert 140 < len(ten) < 260
    assert splits.place("rule:beta", "user1") == pytest.approx(46.79, abs=0.01)  # on every machine


VALUES = st.sampled_from(["a", "b", "c"])
SOME = st.lists(st.sampled_from(["a", "b", "c", "*", "-"]), max_size=2)
RULE = st.fixed_dictionaries(
    {},
    optional={
        "user": SOME,
        "group": SOME,
        "department": SOME,
        "platform": SOME,
        "text": st.sampled_from(["a", "b+", "^c", r"\Qa", "a|b"]),
        "when": st.sampled_from(['user == "a"', 'user in ["a", "b"] and platform == "b"', 'user != "a"']),
        "continue": st.booleans(),
    },
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    st.lists(RULE, max_size=60), st.lists(st.tuples(VALUES, VALUES, VALUES, VALUES), min_size=1, max_size=5)
)
def test_the_index_finds_what_asking_every_rule_finds(
    entries: list[dict[str, Any]], asked: list[tuple[str, ...]]
) -> None:
    these = rules(*entries)
    for user, group, department, text in asked:
        facts = Facts(RouteQuestion(text, user, "bot", user, group, departments=(department,)))
        found = list(these.matching(facts, lambda name: True))
        wanted = []
        for rule in these.all:
            if rule.holds(facts):
                wanted.append(rule)
                if not rule.settings.continue_:
                    break
        assert found == wanted


@pytest.mark.slow
def test_ten_thousand_rules_are_not_asked_one_by_one() -> None:
    entries: list[dict[str, Any]] = [
        {"user": f"u{n}", "platform": "wecom", "workflow": "a"} for n in range(4000)
    ]
    entries += [{"group": f"g{n % 50}", "bot": f"b{n // 50}", "workflow": "a"} for n in range(4000)]
    entries += [{"when": f'user == "v{n}" and text =~ "x"', "workflow": "a"} for n in range(1900)]
    entries += [{"text": f"word{n}\\b.*end", "workflow": "a"} for n in range(100)]
    these = rules(*entries)
    facts = Facts(RouteQuestion("nothing of it", "wecom", "b7", "u5", "g3"))
    assert len(these.candidates(facts)) <= 3
    assert matched(these, "word42 is at the end", user="nobody") == ["route9943"]
