"""A turn's steps on their time line, and what is told of one while it runs."""

from __future__ import annotations

from typing import Any

import pytest
from console_fakes import NOON, turn_id
from console_sample import turn_view
from console_turns import failed, queued, running, undelivered
from hypothesis import given
from hypothesis import strategies as st

from mindbot.api.models import TurnView
from mindbot_tui.state.live_turn import LiveTurn
from mindbot_tui.state.steps import (
    Axis,
    Folds,
    Step,
    all_spans,
    asked,
    axis,
    culprit,
    stages,
    steps,
    under_way,
)
from mindbot_tui.widgets.step_text import growing, step_text
from mindbot_tui.widgets.turn_parts import bar, scale
from mindbot_tui.words import Words


def seen(view: Any, folds: Folds | None = None) -> tuple[TurnView, list[Step]]:
    turn = TurnView.model_validate(view)
    return turn, steps(all_spans(turn, turn.spans), folds or Folds())


def test_stages_that_only_wrap_are_one_line_until_they_are_unfolded() -> None:
    folds = Folds()
    view = undelivered(turn_view(7))
    _, short = seen(view, folds)
    assert [(step.kind, step.name) for step in short] == [
        ("pipeline", "deliver … run"),
        ("model", "openai"),
        ("delivery", "wecomcs/default"),
    ]
    folds.turn_over(short[0])
    _, long = seen(view, folds)
    assert [step.name for step in long][:3] == ["deliver", "errors", "access"] and len(long) == 13
    assert [step.indent for step in long][:3] == [0, 1, 2]
    folds.turn_over(long[1])
    assert seen(view, folds)[1] == short


def test_a_step_can_be_closed_over_what_is_inside_it() -> None:
    view = undelivered(turn_view(7))
    view["spans"].append({**view["spans"][-1], "id": 13, "parent": 12, "kind": "tool", "name": "look_up"})
    folds = Folds()
    _, found = seen(view, folds)
    assert [step.sign for step in found] == ["▸", "▾", "", ""]
    folds.turn_over(found[1])
    assert [step.name for step in seen(view, folds)[1]] == ["deliver … run", "openai", "wecomcs/default"]


def test_steps_lie_on_the_line_from_receipt_to_the_end() -> None:
    turn, found = seen(turn_view())
    line = axis(turn, all_spans(turn, turn.spans), NOON)
    assert line.start == turn.received
    assert line.share(found[0].start) == 0.0 and line.share(found[-1].end or 0) == pytest.approx(1.0)
    assert all(step.start <= step.inner <= (step.outer or 0) <= (step.end or 0) for step in found)


def test_a_turn_that_runs_lies_on_a_line_that_ends_now() -> None:
    turn, found = seen(running(turn_view(11)))
    line = axis(turn, all_spans(turn, turn.spans), NOON)
    assert (line.start, line.end) == (turn.received, NOON)
    assert [step.kind for step in found] == ["queue", "pipeline", "model", "tool", "model", "delivery"]
    assert [step.end is None for step in found] == [False, True, False, False, True, True]
    bars = {step.id: "".join(text for text, _ in bar(step, line, 40)) for step in found}
    assert bars[-1].startswith("┅┅") and bars[13].strip().startswith("──") and bars[14].endswith("━▶")
    assert all(len(text) == 40 for text in bars.values())


def test_the_innermost_step_that_runs_is_found() -> None:
    def found(view: Any) -> int:
        turn, _ = seen(view)
        return under_way(all_spans(turn, turn.spans))

    view = running(turn_view(11))
    assert found(view) == 14  # the model, not the stages around it nor the card that grows
    view["spans"][-1]["took_ms"] = 3.0
    assert found(view) == 11  # the last stage, which is between two steps
    assert found(queued(turn_view(12))) == -1
    assert found(turn_view(11)) == 0


def test_a_turn_that_waits_is_a_wait_that_lasts() -> None:
    _, (wait,) = seen(queued(turn_view(12)))
    assert (wait.kind, wait.name, wait.end) == ("queue", turn_id(9), None)


def test_a_short_wait_of_a_long_turn_is_not_worth_a_line() -> None:
    view = running(turn_view(11))
    view["spans"] = [{**span, "start": span["start"] - 11.9} for span in view["spans"]]
    assert seen(view)[1][0].kind == "pipeline"


def test_who_is_asked_is_known_before_who_answered() -> None:
    assert asked(TurnView.model_validate(running(turn_view(11))).spans) == "openai · gpt-4o-mini"
    assert asked(TurnView.model_validate(queued(turn_view(12))).spans) == ""


def test_a_failure_is_the_step_that_it_began_in_and_said_there_alone() -> None:
    turn, found = seen(failed(turn_view(4)), Folds(whole=True))
    assert culprit(turn, all_spans(turn, turn.spans)) == 12
    said = [step for step in found if step_text(step).startswith("✗")]
    assert [step.name for step in said] == ["openai"]
    assert step_text(said[0]).startswith("✗ rate_limited: the model asked us to slow down\n")
    assert sum("slow down" in step_text(step) for step in found) == 1
    assert [stage.status for stage in stages(turn.spans)].count("error") == 1


def test_an_answer_that_did_not_arrive_is_to_blame_of_a_turn_that_answered() -> None:
    turn, found = seen(undelivered(turn_view(7)))
    lost = found[-1]
    assert culprit(turn, all_spans(turn, turn.spans)) == lost.id
    assert (lost.kind, lost.status) == ("delivery", "error") and step_text(lost).startswith("✗ 45047")


def test_nothing_is_to_blame_of_a_turn_that_went_well() -> None:
    turn, _ = seen(turn_view())
    assert not culprit(turn, all_spans(turn, turn.spans))


def test_a_stage_counts_what_it_took_by_itself() -> None:
    found = stages(TurnView.model_validate(turn_view()).spans)
    assert [stage.name for stage in found] == [
        *("deliver", "errors", "access", "limits", "session", "route", "run"),
    ]
    assert found[0].own_ms == pytest.approx(1.3)
    assert found[-1].own_ms == pytest.approx(1213.8)


def test_of_an_answer_that_grows_its_end_is_shown() -> None:
    assert growing("short") == "short"
    long = growing("x" * 90_000 + "end")
    assert long.endswith("end") and long.startswith("… 86,003 …") and len(long) < 5000


@given(st.floats(0, 100), st.floats(0, 100), st.integers(4, 80))
def test_a_bar_is_as_wide_as_its_column(start: float, took: float, width: int) -> None:
    step = Step(1, 0, "model", "m", "ok", start, start + took, start, start, took * 1000)
    assert sum(len(text) for text, _ in bar(step, Axis(0.0, 120.0), width)) == width


def test_an_axis_says_its_ends_and_gives_way_to_its_name_where_they_have_no_room() -> None:
    said = Words()
    assert scale(Axis(10.0, 41.4), 20, said) == "0              31.4s"
    assert scale(Axis(10.0, 41.4, open=True), 20, said) == "0          31.4s now"
    assert scale(Axis(10.0, 41.4, open=True), 9, said) == "0     now"
    assert scale(Axis(10.0, 41.4), 5, said) == scale(Axis(10.0, 10.0), 20, said) == "WHEN"


# --- what the stream tells on top of what the daemon answers


def told(what: str, **data: object) -> Any:
    return {"type": what, "turn": "T", "seq": 1, **data}


#: A turn as the stream tells it: a model that is asked, and its answer.
TOLD = [
    told("span.opened", ts=10.0, span=1, parent=0, kind="stage", name="run"),
    told("span.opened", ts=10.1, span=2, parent=1, kind="model", name="m"),
    told("chunk.text", ts=10.2, text="Hm", at=0),
    told("chunk.text", ts=10.3, text="One ", at=0, afresh=True),
    told("chunk.text", ts=10.4, text="two ", at=4),
    told("span.closed", ts=10.5, span=2, parent=1, kind="model", name="m", status="error", took_ms=400.0,
         error="broke off"),
    told("span.opened", ts=10.6, span=3, parent=1, kind="model", name="n"),
    told("chunk.text", ts=10.7, text="three", at=8),
]  # fmt: skip


def answer(after: int) -> TurnView:
    """Return what the daemon answers when so many of the events have happened."""
    live = LiveTurn("T")
    live.take(TurnView(id="T", state="running"))
    live.apply(TOLD[:after])
    return TurnView(id="T", state="running", saying=live.saying, spans=live.spans)


@given(st.integers(0, len(TOLD)), st.integers(0, len(TOLD)), st.integers(0, len(TOLD)))
def test_an_answer_that_is_early_or_late_loses_nothing_and_says_nothing_twice(a: int, b: int, c: int) -> None:
    """The stream is open at ``first``, the daemon is asked after it and answers later."""
    first, asked, answered = sorted((a, b, c))
    live = LiveTurn("T")
    live.ask()
    live.take(answer(first))
    live.apply(TOLD[first:asked])
    live.ask()
    live.apply(TOLD[asked:answered])
    found = answer(answered)
    live.apply(TOLD[answered:])  # before its answer has come here
    live.take(found)
    assert live.saying == "One two three"
    spans = [(span.id, span.name, span.took_ms, span.status) for span in live.spans]
    assert spans == [(1, "run", None, "ok"), (2, "m", 400.0, "error"), (3, "n", None, "ok")]


def test_a_hole_in_the_text_is_asked_about() -> None:
    live = LiveTurn("T")
    live.ask()
    live.take(TurnView(id="T", state="running", saying="One "))
    live.apply([told("chunk.text", ts=1.0, text="three", at=8)])
    assert live.stale and live.saying == "One "


def test_a_turn_that_begins_again_forgets_what_it_did() -> None:
    live = LiveTurn("T")
    live.take(TurnView(id="T", state="running"))
    live.apply(TOLD)
    live.apply([told("span.closed", ts=11.0, span=1, parent=0, kind="stage", name="run", took_ms=1000.0)])
    live.apply([told("span.opened", ts=12.0, span=1, parent=0, kind="stage", name="run")])
    live.apply([told("chunk.text", ts=12.1, text="Again", at=0)])
    assert [(span.id, span.start, span.took_ms) for span in live.spans] == [(1, 12.0, None)]
    assert live.saying == "Again"
