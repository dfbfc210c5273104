"""A turn taken elsewhere."""

from __future__ import annotations

import json
import shlex

import pytest

from mindbot.api.exported import FORMS, exported
from mindbot.api.models import SpanView, TurnView
from mindbot.domain.errors import Invalid

SAID = "it's $HOME `x` 订单"
ASKED = {
    "model": "",
    "stream": True,
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": SAID, "origin": "message"},
    ],
}
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
    said = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": SAID}]
    assert json.loads(words[-1]) == {"model": "gpt-4o-mini", "stream": True, "messages": said}


def a_call(kind: str, **request: object) -> TurnView:
    data = {"request": {**ASKED, **request}, "provider": "ours", "type": kind, "model": "m-1"}
    return TurnView(id="X", spans=[SpanView(id=1, kind="model", name="ours", data=data)])


@pytest.mark.parametrize(
    ("kind", "path", "key", "body"),
    [
        (
            "anthropic",
            "/messages",
            "x-api-key: $API_KEY",
            {
                "model": "m-1",
                "max_tokens": 4096,
                "stream": True,
                "system": "Be brief.",
                "messages": [{"role": "user", "content": SAID}],
            },
        ),
        (
            "google",
            "/models/m-1:streamGenerateContent?alt=sse",
            "x-goog-api-key: $API_KEY",
            {
                "systemInstruction": {"parts": [{"text": "Be brief."}]},
                "contents": [{"role": "user", "parts": [{"text": SAID}]}],
            },
        ),
        (
            "ollama",
            "/api/chat",
            "Authorization: Bearer $API_KEY",
            {
                "model": "m-1",
                "stream": True,
                "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": SAID}],
            },
        ),
    ],
)
def test_curl_speaks_as_the_type_of_the_provider(kind: str, path: str, key: str, body: object) -> None:
    _, _, command = exported(a_call(kind), "curl").partition("\n")
    words = shlex.split(command.replace("\\\n", ""))
    assert words[:2] == ["curl", f"$BASE_URL{path}"] and key in words
    assert json.loads(words[-1]) == body


def test_of_a_prompt_with_pictures_curl_has_the_words_and_says_so() -> None:
    parts = [
        {"kind": "text", "text": "What is this?", "origin": "message"},
        {"kind": "image", "type": "image/png"},
    ]
    comment, _, command = exported(
        a_call("vllm", messages=[{"role": "user", "content": parts}]), "curl"
    ).partition("\n")
    assert "pictures" in comment
    assert json.loads(shlex.split(command.replace("\\\n", ""))[-1])["messages"] == [
        {"role": "user", "content": "What is this?"}
    ]


def test_a_call_that_is_no_command_says_why() -> None:
    with pytest.raises(Invalid, match="provider ours is no curl command: its type, dify"):
        exported(a_call("dify"), "curl")
    both = TurnView(id="X", spans=[*a_call("dify").spans, *a_call("openai").spans])
    assert exported(both, "curl").startswith("# a call of provider ours is no curl command")


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


SENT_BODY = {"model": "m", "temperature": 0.3, "messages": [{"role": "user", "content": SAID}]}


@pytest.mark.parametrize(("kind", "step"), [("openai", "model"), ("dify", "workflow")])
def test_curl_sends_what_was_sent(kind: str, step: str) -> None:
    data = {"type": kind, "sent": [{"path": "/v1/x?alt=sse", "body": SENT_BODY}, {"path": "/v1/x", "as": 1}]}
    turn = TurnView(id="X", spans=[SpanView(id=1, kind=step, name="ours", data=data)])
    comment, _, command = exported(turn, "curl").partition("\n")
    words = shlex.split(command.replace("\\\n", ""))
    assert "as it was sent" in comment and words[:2] == ["curl", "$ORIGIN/v1/x"]
    assert "Authorization: Bearer $API_KEY" in words and json.loads(words[-1]) == SENT_BODY


def test_otlp_is_one_trace_of_the_turn_and_its_steps() -> None:
    [resource] = json.loads(exported(TURN, "otlp"))["resourceSpans"]
    [scope] = resource["scopeSpans"]
    root, run, model = scope["spans"]
    assert len({span["traceId"] for span in scope["spans"]}) == 1 and len(root["traceId"]) == 32
    assert "parentSpanId" not in root and run["parentSpanId"] == root["spanId"]
    assert model["parentSpanId"] == run["spanId"] and len(model["spanId"]) == 16
    assert int(model["endTimeUnixNano"]) - int(model["startTimeUnixNano"]) == 850_000_000
    facts = {each["key"]: each["value"] for each in model["attributes"]}
    assert facts["gen_ai.request.model"] == {"stringValue": "gpt-4o-mini"}
    assert (model["status"]["code"], run["status"]["code"]) == (2, 1)
    assert exported(TURN, "otlp") == exported(TURN, "otlp"), "the ids are the same each time"
