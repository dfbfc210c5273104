"""What differs is named by stage and field, and nothing that may differ is."""

from __future__ import annotations

from typing import Any

import pytest

from mindbot.golden.drift import drifts
from mindbot.golden.facts import end_of
from mindbot.golden.file import GoldenEnd, GoldenPrompt, GoldenRoute, GoldenTurn

WAS = GoldenEnd(
    route=GoldenRoute(runner="workflow", workflow="hr", rule="staff"),
    asked=("hr",),
    prompt=GoldenPrompt(model="gpt-4", instructions="Be kind. Call 400-123-4567.", history=4),
    stages=("deliver", "route", "run"),
    reply="Ask user-abcdabcd, 13355043447.",
)


def named(**now: Any) -> list[str]:
    return [str(drift) for drift in drifts(GoldenTurn(text="x", expect=WAS), WAS.model_copy(update=now))]


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ({}, []),
        ({"reply": "Ask user-ponmlkji, 13812345678."}, []),
        ({"route": GoldenRoute(runner="workflow", workflow="it", rule="staff")}, ["route: workflow hr → it"]),
        ({"route": GoldenRoute(runner="workflow", workflow="hr")}, ["route: rule staff → -"]),
        ({"state": "dropped", "reason": "access", "reply": ""}, ["end: state answered → dropped (access)"]),
        ({"stages": ("deliver", "greet", "route", "run")}, ["stages: passed - → greet"]),
        ({"stages": ("route", "deliver", "run")}, [
            "stages: order deliver, route, run → route, deliver, run"]),
        ({"asked": ("hr failed", "it")}, ["run: asked hr → hr failed, it"]),
        ({"prompt": GoldenPrompt(model="gpt-4", instructions="Be kind. Call 1.", history=4)}, [
            "compose: instructions “Be kind. Call 000-000-0000.” → “Be kind. Call 1.”"]),
        ({"prompt": GoldenPrompt(model="o3", instructions=WAS.prompt.instructions, history=0)}, [
            "session: history 4 lines → 0 lines", "run: model gpt-4 → o3"]),
        ({"reply": "Ask nobody."}, ["run: reply “Ask ~, 00000000000.” → “Ask nobody.”"]),
    ],
)  # fmt: skip
def test_a_drift_is_named(now: dict[str, Any], told: list[str]) -> None:
    assert named(**now) == told


def span(id: int, parent: int, kind: str, name: str, **data: Any) -> dict[str, Any]:
    return {"id": id, "parent": parent, "kind": kind, "name": name, "status": "ok", "data": data}


def test_the_facts_of_a_turn_hold_neither_ids_nor_times_nor_an_order_of_chance() -> None:
    together = span(2, 1, "workflow", "together", workflows=["hr", "it"], combine="all")
    asked = [span(3, 2, "workflow", "it"), span(4, 2, "workflow", "hr"), span(5, 3, "node", "LLM")]
    skipped = {**span(6, 1, "workflow", "off", skipped="it is off"), "status": "skipped"}
    failed = {**span(7, 1, "workflow", "last", error={"message": "gone"}), "status": "error"}
    turn = {
        "state": "answered",
        "reason": "cut short: a limit",
        "route": {"together": ["hr", "it"]},
        "reply": " a ",
    }
    found = [
        end_of({**turn, "spans": [span(1, 0, "stage", "run"), together, *rows, skipped, failed]})
        for rows in (asked, asked[::-1])
    ]
    assert found[0] == found[1]
    assert (found[0].asked, found[0].reason, found[0].reply) == (("last failed", "hr", "it"), "", "a")


def test_the_lines_of_a_prompt_are_counted_by_whom_they_are() -> None:
    lines = [
        {"role": "system", "content": [{"kind": "text", "text": "Be "}, {"kind": "text", "text": "kind."}]},
        {"role": "user", "content": "before"},
        {"role": "assistant", "content": "said"},
        {"role": "user", "content": "now"},
    ]
    stage = span(1, 0, "stage", "classify")
    judge = span(2, 1, "model", "openai", request={"model": "judge", "messages": []})
    assert end_of({"state": "answered", "spans": [stage, judge]}).prompt is None, "a judge answers nobody"
    model = span(3, 0, "model", "openai", request={"model": "gpt-4", "messages": lines})
    cut = span(3, 0, "model", "openai", request={"model": "", "messages": [*lines, "… 9 entries left out …"]})
    assert end_of({"state": "answered", "spans": [cut]}).prompt.history is None
    found = end_of({"state": "answered", "spans": [stage, judge, model]}).prompt
    assert found == GoldenPrompt(model="gpt-4", instructions="Be kind.", history=2)
