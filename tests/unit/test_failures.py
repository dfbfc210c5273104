"""Failures by their cause: what differs from turn to turn is not the cause, and who waits is known."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindbot.api.failure_models import RerunsView, RerunView, RetriedBundle
from mindbot.api.models import SettledLetter
from mindbot.api.shown_failures import all_answered, among, came, rerun, retried
from mindbot.domain.failures import bundles_of, cause_of, pattern_of
from mindbot.domain.shapes.turns import TurnLineJson
from mindbot.filters.fields import TURN_FIELDS
from mindbot.filters.language import parse


def line(n: int, user: str = "lin", **more: Any) -> TurnLineJson:
    known = {
        "id": f"T{n:04}",
        "origin": "user",
        "platform": "wecom",
        "bot": "hr",
        "session": f"wecom:hr:{user}",
        "user": user,
        "kind": "text",
        "text": f"question {n}",
        "received": 1000.0 + n,
        "state": "failed",
        "error": "overloaded",
        "reason": f"overloaded: openai: 500: no answer for req-{n}ab12cd34ef56 in {n}s",
        "provider": "openai",
        "undelivered": False,
        "delivery_error": "",
        "delivery": "",
    }
    return cast(TurnLineJson, {**known, **more})


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        ("40001: invalid credential, hint: [1742]", "40001: invalid credential, hint: [#]"),
        ("500: The server had an error", "500: The server had an error"),
        ("no answer in 30s", "no answer in #s"),
        ("no such user id (errcode 40003)", "no such user id (errcode 40003)"),
        ("HTTP 503 after 1.5 s", "HTTP 503 after # s"),
        ("turn 01KFZ3N8WQ2AC is gone", "turn … is gone"),
        ("request 7f9c2ba4e88f827d616045507605853e failed", "request … failed"),
        ("the model gpt-4o-mini is not there", "the model gpt-4o-mini is not there"),
        ("访问频率过高，请 12 秒后重试", "访问频率过高，请 # 秒后重试"),
        ("POST http://127.0.0.1:8080/v1/chat : no answer in time", "… no answer in time"),
        ("network: https://a.example:99/x?y=1 refused", "network: … refused"),
        ("", ""),
    ],
)
def test_a_cause_is_without_what_differs(words: str, cause: str) -> None:
    assert cause_of(words) == cause


@given(st.text(max_size=300))
def test_any_words_have_a_cause_that_finds_them_again(words: str) -> None:
    cause = cause_of(words)
    assert cause_of(words) == cause
    if not words.isprintable() or len(words) > 150:
        return
    whole = parse(f"reason =~ {_literal(pattern_of(cause))}", TURN_FIELDS).compile()
    assert whole({"reason": words})


def _literal(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def test_turns_that_failed_alike_are_one_bundle_which_its_filter_shows() -> None:
    lines = [line(n, f"user{n % 3}") for n in range(12, 0, -1)]
    other = line(0, state="dead", error="", provider="", workflow="退款", reason="504: 网关超时")
    first, second = bundles_of([*lines, other], {})
    shown = first.to_json()
    assert (shown["component"], shown["error"], shown["turns"], shown["people"]) == (
        "openai",
        "overloaded",
        12,
        3,
    )
    assert shown["cause"] == "500: no answer for … in #s"
    assert (shown["since"], shown["last"], shown["sample"]) == (1001.0, 1012.0, lines[0]["reason"])
    assert second.to_json()["component"] == "退款"
    keep = parse(shown["filter"], TURN_FIELDS).compile()
    assert all(keep(each) for each in lines) and not keep(other)
    assert parse(second.filter, TURN_FIELDS).compile()(other)
    assert first.id == bundles_of(lines[:1], {})[0].id != second.id


def test_somebody_waits_until_a_later_answer_reached_them() -> None:
    lines = [line(3, "mei"), line(2, "lin"), line(1, "lin")]
    [bundle] = bundles_of(lines, {("wecom:hr:lin", "lin"): "T0005", ("wecom:hr:mei", "mei"): "T0002"})
    opened = bundle.opened()
    assert (opened["people"], opened["waiting"]) == (2, 1)
    assert [(who["user"], who["waiting"], who["turns"]) for who in opened["who"]] == [
        ("mei", True, ["T0003"]),
        ("lin", False, ["T0002", "T0001"]),
    ]
    assert [turn["id"] for turn in bundle.retried] == ["T0003"]


def test_whoever_tests_does_not_wait() -> None:
    [bundle] = bundles_of([line(1, origin="test"), line(2, origin="push")], {})
    assert bundle.to_json()["turns"] == 2 and not bundle.waiting


def test_an_answer_that_did_not_arrive_is_a_failure_of_its_bot() -> None:
    lost = {"state": "answered", "reason": "", "error": "", "undelivered": True}
    lines = [line(n, f"u{n}", **lost, delivery_error=f"40014: bad token, rid: {n}") for n in (3, 2, 1)]
    notice = line(4, undelivered=True, delivery_error="40014: bad token, rid: 9")
    found = {each.kind: each.to_json() for each in bundles_of([notice, *lines], {})}
    assert found["undelivered"]["component"] == "wecom/hr"
    assert (found["undelivered"]["turns"], found["undelivered"]["cause"]) == (4, "40014: bad token, rid: #")
    assert found["failed"]["turns"] == 1
    keep = parse(found["undelivered"]["filter"], TURN_FIELDS).compile()
    assert all(keep(each) for each in lines)


def test_a_bundles_last_is_the_end_of_what_was_tried_again() -> None:
    [bundle] = bundles_of([line(2, took_ms=500.0), line(1, took_ms=9000.0)], {})
    assert bundle.to_json()["last"] == 1010.0


def test_all_are_answered_when_each_that_was_to_be_tried_is() -> None:
    done = RetriedBundle(settled=[SettledLetter(id="T1", done=True), SettledLetter(id="T2", done=True)])
    of = [RerunView(id="T0", outcome="failed"), RerunView(id="T1", outcome="answered", user="lin")]
    found = among(RerunsView(ended=False, reruns=[*of, RerunView(id="T2", outcome="running")]), done)
    assert not found.ended and not all_answered(found, done)
    told = "1 answered, 0 failed again, 1 still running"
    assert rerun(found) == [told, "lin · T1: answered", " · T2: still running"]
    found.reruns[1].outcome, found.reruns[1].why = "failed", "openai: 500"
    assert came(found.reruns[1]) == "failed again: openai: 500" and not all_answered(found, done)
    found.reruns[1].outcome = "answered"
    assert all_answered(found, done)


def test_what_cannot_be_tried_again_is_named_once() -> None:
    refused = [SettledLetter(id="T1", why="T1 is answered"), SettledLetter(id="T2", why="the store is full")]
    told = retried(RetriedBundle(settled=refused))
    assert told == ["0 of 2 tried again", "T1 is answered", "T2: the store is full"]
