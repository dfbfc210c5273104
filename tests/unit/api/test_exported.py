"""A turn taken elsewhere."""

from __future__ import annotations

import json
import shlex

import pytest

from mindbot.api.exported import FORMS, exported
from mindbot.api.models import SpanView, TurnView
from mindbot.domain.errors import Invalid

ASKED = {"model": "", "stream": True, "messages": [{"role": "user", "content": "it's $HOME `x` 订单"}]}
TURN = TurnView(
    id="06AA8W8X00000",
    state="failed",
    platform="wecom",
    bot="default",
    user="alice",
    text="Where is\nmy order?\n```\ncode\n```",
    reason="rate_limited: slow down",
    received=1_790_000_000.0,
    took_ms=1240.0,
    spans=[
        SpanView(id=1, kind="stage", name="run", start=1_790_000_000.1, took_ms=900.0),
        SpanView(
            id=2,
            parent=1,
            kind="model",
            name="openai",
            status="error",
            start=1_790_000_000.1,
            took_ms=850.0,
            data={
                "request": ASKED,
                "provider": "openai",
                "model": "gpt-4o-mini",
                "error": {"kind": "rate_limited", "message": "slow | down"},
            },
        ),
    ],
    deliveries=[{"id": "d-1", "state": "dead", "error": "60011: no privilege", "text": "Sorry."}],
)


def test_json_is_everything() -> None:
    assert json.loads(exported(TURN, "json")) == TURN.to_json()


def test_curl_asks_the_same_and_holds_no_key() -> None:
    comment, _, command = exported(TURN, "curl").partition("\n")
    assert comment.startswith("# openai gpt-4o-mini; ")
    words = shlex.split(command.replace("\\\n", ""))
    assert words[:2] == ["curl", "$BASE_URL/chat/completions"]
    assert "Authorization: Bearer $API_KEY" in words
    assert json.loads(words[-1]) == {**ASKED, "model": "gpt-4o-mini"}


def test_markdown_is_a_report() -> None:
    text = exported(TURN, "markdown")
    assert "# Turn 06AA8W8X00000\n" in text
    assert "- bot: wecom/default" in text
    assert "````text\nWhere is\nmy order?" in text  # a fence longer than the one in the message
    assert "| model openai | 100.0 ms | 850.0 ms | " in text
    assert "slow \\| down" in text
    assert "- error: 60011: no privilege" in text


def test_what_cannot_be_exported_says_so() -> None:
    with pytest.raises(Invalid, match="asked no model"):
        exported(TurnView(id="X"), "curl")
    with pytest.raises(Invalid, match="'har'"):
        exported(TURN, "har")
    assert all(exported(TurnView(id="X"), form) for form in FORMS if form != "curl")
