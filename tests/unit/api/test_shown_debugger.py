"""How a turn that is stopped is told, and values are found by their paths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindbot.api import shown_debugger
from mindbot.api.debug_models import BreakpointView, ParkedView, ScopesView

FRAMES = [
    {"span": 1, "kind": "stage", "name": "deliver", "on": ""},
    {"span": 2, "kind": "stage", "name": "run", "on": ""},
    {"span": 3, "kind": "model", "name": "openai", "on": "before"},
]
STANDS = ParkedView.model_validate(
    {"turn": "07T", "on": "before", "kind": "model", "name": "openai", "lease_left": 41.9, "stack": FRAMES}
)
SCOPES = ScopesView.model_validate(
    {
        "turn": "07T",
        "writable": ["message.text", "variables", "prompt"],
        "scopes": {
            "message": {"text": "hi", "files": []},
            "variables": {"a.b": {"c": 1}, "a": {"x": 2}},
            "prompt": [{"role": "user", "content": "hi"}],
            "answer": {},
            "reply": "",
        },
    }
)


def test_where_it_stands_is_said_as_a_call_stack() -> None:
    assert shown_debugger.where(STANDS) == "before model openai"
    assert shown_debugger.left(STANDS) == "41s"
    assert list(shown_debugger.stack(STANDS)) == ["deliver", "  run", "    model openai  ◄ before"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"stage": "run"}, "before run"),
        ({"stage": "run", "on": "after"}, "after run"),
        ({"step": "model", "name": "openai"}, "before model openai"),
        ({"stage": "run", "step": "model"}, "before model in run"),
        ({"on": "error", "errors": ["rate_limited"]}, "at the error of every step (rate_limited)"),
        ({"on": "change", "path": "route.workflow"}, "where route.workflow changes"),
    ],
)
def test_where_a_breakpoint_stops(said: dict[str, object], told: str) -> None:
    assert shown_debugger.stops(BreakpointView.model_validate(said)) == told


def test_values_are_found_by_the_paths_that_are_shown() -> None:
    lines = dict(shown_debugger.lines_of(SCOPES))
    assert lines["message.text"] == "hi" and lines["answer"] == "" and lines["variables.a.x"] == "2"
    assert lines["prompt.0"] == '{"role": "user", "content": "hi"}'
    assert shown_debugger.value_at(SCOPES, "variables.a.b.c") == 1
    assert shown_debugger.value_at(SCOPES, "prompt.0.role") == "user"
    for wrong in ("", "prompt.1", "prompt.x", "message.nothing", "variables.a.", "nothing.at.all"):
        with pytest.raises(KeyError):
            shown_debugger.value_at(SCOPES, wrong)


def test_what_may_be_set_is_what_is_named_and_all_inside_it() -> None:
    may = {path for path in dict(shown_debugger.lines_of(SCOPES)) if shown_debugger.writable(path, SCOPES)}
    assert may == {"message.text", "variables.a.b.c", "variables.a.x", "prompt.0"}


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["message", "prompt", "variables"]), values))
def test_any_value_can_be_shown(scopes: dict[str, object]) -> None:
    shown = ScopesView.model_validate({"scopes": scopes})
    for path, text in shown_debugger.lines_of(shown):
        assert path.partition(".")[0] in scopes and isinstance(text, str)
