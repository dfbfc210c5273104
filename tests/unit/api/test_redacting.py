"""A turn that leaves the machine says neither what was said nor who said it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindbot.api.exported import FORMS, exported
from mindbot.api.models import SpanView, TurnView
from mindbot.api.redacting import hashed, redacted, shape

#: In each place where people's words and names may stand.
SECRET = "Zuleika"
WORDS = f"call {SECRET} at 13800138000, 谢谢"


def a_turn() -> TurnView:
    asked = {
        "role": "user",
        "content": [{"kind": "text", "text": WORDS, "origin": f"history:{'06AA8W8X00000'}"}],
    }
    data = {
        "request": {"model": "m", "messages": [asked, {"role": "system", "content": WORDS}]},
        "sent": [
            {"path": "/v1/chat", "body": {"model": "m", "user": SECRET, "input": {SECRET: 1, "q": [WORDS]}}}
        ],
        "provider": "acme",
        "usage": {"input_tokens": 12},
        "error": {"kind": "rejected", "message": WORDS},
        "inputs": {"phone": 13800138000},
    }
    return TurnView.model_validate(
        {
            "id": "06AA8W8X00001",
            "state": "answered",
            "platform": "wecom",
            "bot": "hr",
            "user": SECRET,
            "user_name": SECRET,
            "session": f"wecom:hr:{SECRET}",
            "text": WORDS,
            "reply": WORDS,
            "quote": WORDS,
            "department": [SECRET],
            "received": 1_790_000_000.0,
            "message": {
                "sender": SECRET,
                "raw": WORDS,
                "parts": [{"kind": "file", "data": {"name": SECRET}}],
            },
            "vars": {"user": {"name": SECRET}, "phone": 13800138000},
            "spans": [
                {"id": 1, "parent": 0, "kind": "people", "name": SECRET, "status": "ok"},
                {"id": 2, "parent": 0, "kind": "model", "name": "acme", "status": "error", "data": data},
            ],
            "deliveries": [{"id": "d", "session": SECRET, "text": WORDS, "parts": [{"text": WORDS}]}],
        }
    )


@pytest.mark.parametrize("form", FORMS)
def test_no_form_says_words_or_names(form: str) -> None:
    text = exported(redacted(a_turn()), form)
    assert SECRET not in text and "13800138000" not in text and "谢谢" not in text


def test_what_says_nothing_of_anybody_stays() -> None:
    turn, found = a_turn(), redacted(a_turn())
    assert (found.id, found.state, found.platform, found.received) == (
        turn.id,
        "answered",
        "wecom",
        turn.received,
    )
    model = found.spans[1]
    assert (model.name, model.data["provider"], model.data["usage"]) == ("acme", "acme", {"input_tokens": 12})
    assert model.data["error"]["kind"] == "rejected"
    assert found.user == hashed(SECRET) == found.message["sender"] != hashed("somebody else")
    assert found.text == shape(WORDS) == "xxxx xxxxxxx xx 00000000000, 字字"


FIELDS = st.sampled_from(["text", "content", "name", "data", "kind2", "body", "vars"])
TREES: Any = st.recursive(
    st.just(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=3),
)


@given(TREES, TREES)
def test_words_are_found_wherever_a_step_or_a_message_holds_them(data: Any, message: Any) -> None:
    span = SpanView(id=1, kind="tool", name="t", data={"out": data})
    found = redacted(TurnView(id="X", message={"m": message}, spans=[span]))
    assert SECRET not in json.dumps(found.to_json(), ensure_ascii=False)
