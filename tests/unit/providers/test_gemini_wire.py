"""Gemini's generateContent as data: pieces, arrays, blocked prompts, signatures, schemas."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindbot.domain.chat import (
    Attachment,
    ChatMessage,
    ChatRequest,
    Chunk,
    Finish,
    Reasoning,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
)
from mindbot.domain.errors import (
    ContentFiltered,
    HistoryRefused,
    Overloaded,
    QuotaExceeded,
    RateLimited,
    VendorError,
)
from mindbot.domain.message import Json
from mindbot.providers.shared.documents import Documents
from mindbot.providers.wires.gemini_request import request_body
from mindbot.providers.wires.gemini_schema import understood
from mindbot.providers.wires.gemini_wire import GeminiAnswer, vectors


def piece(*parts: Json, finish: str = "", **more: object) -> Json:
    candidate: Json = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    return {"candidates": [candidate | ({"finishReason": finish} if finish else {})], **more}


def read(*docs: object, streamed: bool = True) -> tuple[str, str, Chunk]:
    """Return the text, the thinking, and the last chunk."""
    answer = GeminiAnswer("acme")
    shown = [answer.take(doc, streamed=streamed) for doc in docs]
    assert answer.complete
    shown.append(answer.rest())
    text = "".join(each.text for each in shown if each)
    return text, "".join(each.reasoning for each in shown if each), answer.end()


def test_pieces_thoughts_and_usage_that_grows() -> None:
    usage = {"promptTokenCount": 9, "candidatesTokenCount": 1, "totalTokenCount": 10}
    text, thinking, last = read(
        piece({"text": "hm", "thought": True}, usageMetadata=usage),
        piece({"text": "hel"}, usageMetadata=usage | {"thoughtsTokenCount": 4}),
        piece({"text": "lo"}),
        piece(
            {"text": "", "thoughtSignature": "s"},
            finish="STOP",
            usageMetadata={
                "promptTokenCount": 9,
                "toolUsePromptTokenCount": 2,
                "candidatesTokenCount": 3,
                "thoughtsTokenCount": 5,
                "cachedContentTokenCount": 6,
            },
        ),
    )
    assert (text, thinking, last.finish) == ("hello", "hm", "stop")
    assert last.usage == Usage(11, 8, cached_tokens=6, reasoning_tokens=5)


def call(name: str, args: object = None, **more: object) -> Json:
    return {"functionCall": {"name": name, "args": args, **more}}


def test_calls_come_whole_and_keep_their_signatures() -> None:
    _, _, last = read(
        piece({"text": "Let me see."}, call("add", {"a": 1}, id="f1") | {"thoughtSignature": "sign"}),
        piece(call("add", {"a": 2}), call("now")),
        piece(finish="STOP"),
    )
    assert last.finish == "tool_calls"
    assert last.tool_calls == (
        ToolCall("f1", "add", '{"a":1}', "sign", "google"),
        ToolCall("call_1", "add", '{"a":2}', "", "google"),
        ToolCall("call_2", "now", "{}", "", "google"),
    )


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        *((reason, "content_filter") for reason in ("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "SPII")),
        *((reason, "content_filter") for reason in ("PROHIBITED_CONTENT", "IMAGE_SAFETY", "MODEL_ARMOR")),
        ("OTHER", "other"),
        ("ESCALATION", "other"),
        ("A_NEW_ONE", "other"),
    ],
)
def test_why_it_ended(reason: str, finish: Finish) -> None:
    assert read(piece({"text": "hi"}, finish=reason))[2].finish == finish


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("MALFORMED_FUNCTION_CALL", Overloaded),
        ("UNEXPECTED_TOOL_CALL", Overloaded),
        ("TOO_MANY_TOOL_CALLS", Overloaded),
        ("MALFORMED_RESPONSE", Overloaded),
        ("MISSING_THOUGHT_SIGNATURE", HistoryRefused),
    ],
)
def test_reasons_that_are_failures(reason: str, kind: type[VendorError]) -> None:
    with pytest.raises(kind, match=reason.lower()):
        read(piece({"text": "hi"}, finish=reason))


def test_an_end_that_is_none_is_none() -> None:
    answer = GeminiAnswer("acme")
    answer.take(piece({"text": "hi"}, finish="FINISH_REASON_UNSPECIFIED"), streamed=True)
    assert not answer.complete


@pytest.mark.parametrize("reason", ["SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "JAILBREAK"])
def test_a_blocked_prompt_has_no_candidate(reason: str) -> None:
    doc = {"promptFeedback": {"blockReason": reason}, "usageMetadata": {"promptTokenCount": 3}}
    with pytest.raises(ContentFiltered, match=reason):
        read(doc)


def test_a_blocked_answer_without_a_word() -> None:
    with pytest.raises(ContentFiltered):
        read({"candidates": [{"finishReason": "SAFETY", "safetyRatings": []}]})


def test_why_it_ended_is_in_the_trace() -> None:
    doc = piece({"text": "hi"}, finish="OTHER")
    doc["candidates"][0]["finishMessage"] = "Something\nelse"
    assert read(doc)[2].notes == {"finish_message": "Something else"}


@pytest.mark.parametrize("streamed", [True, False])
def test_an_array_is_the_whole_stream(streamed: bool) -> None:
    docs = [
        piece({"text": "hel"}),
        piece({"text": "lo"}, finish="STOP", usageMetadata={"promptTokenCount": 1}),
    ]
    text, _, last = read(docs, streamed=streamed)
    assert (text, last.usage) == ("hello", Usage(1, 0))


def failure(code: int, status: str, message: str, *details: Json) -> Json:
    return {"error": {"code": code, "status": status, "message": message, "details": list(details)}}


@pytest.mark.parametrize(
    ("doc", "kind"),
    [
        (failure(503, "UNAVAILABLE", "The model is overloaded."), Overloaded),
        (failure(500, "INTERNAL", "An internal error has occurred."), Overloaded),
        (failure(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted."), RateLimited),
        (failure(402, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted."), QuotaExceeded),
    ],
)
@pytest.mark.parametrize("in_array", [False, True])
def test_an_error_amid_the_answer(doc: Json, kind: type[VendorError], in_array: bool) -> None:
    answer = GeminiAnswer("acme")
    answer.take(piece({"text": "hi"}), streamed=True)
    with pytest.raises(kind, match="acme"):
        answer.take([doc] if in_array else doc, streamed=True)


STRANGE: list[object] = [
    None,
    [],
    "text",
    {},
    {"candidates": None},
    {"candidates": []},
    {"candidates": [None]},
    {"candidates": [{"content": None}]},
    {"candidates": [{"content": {"parts": "x"}}]},
    piece({"text": None}, {"text": 3}, {"inlineData": {}}, {"executableCode": {}}),
    piece({"functionCall": "x"}),
    {"usageMetadata": {"promptTokenCount": "many"}},
    {"promptFeedback": {"safetyRatings": []}},
]


def test_strange_shapes_cost_nothing() -> None:
    text, _, last = read(*STRANGE, piece({"text": "hi"}), *STRANGE, piece(finish="STOP"))
    assert (text, last.finish) == ("hi", "stop")


def stream() -> bytes:
    docs = [
        *(piece({"text": text}) for text in ("你好", "，", "wörld 👩‍👧", "\n\n")),
        piece(call("add", {"a": 1}, id="f") | {"thoughtSignature": "s"}),
        piece({"text": ""}, finish="STOP", usageMetadata={"promptTokenCount": 3}),
    ]
    return b"".join(b"data: %b\r\n\r\n" % orjson.dumps(doc) for doc in docs)


@given(st.integers(0, len(stream())))
def test_cut_anywhere_it_is_whole_or_none(at: int) -> None:
    answer = GeminiAnswer("acme")
    documents = Documents(1 << 20)
    shown = []
    for line in stream()[:at].split(b"\r\n")[:-1]:
        shown += [answer.take(doc, streamed=True) for doc in documents.feed(line)]
    assert "你好，wörld 👩‍👧\n\n".startswith("".join(each.text for each in shown if each))
    if not answer.complete:
        assert b'"promptTokenCount":3}}\r\n' not in stream()[:at]
        return
    answer.rest()
    last = answer.end()
    assert last.tool_calls == (ToolCall("f", "add", '{"a":1}', "s", "google"),)
    assert last.usage == Usage(3, 0)


@pytest.mark.parametrize("doc", [None, [], {}, {"embeddings": None}])
def test_what_holds_no_vectors(doc: Any) -> None:
    assert vectors(doc).vectors == []


def test_vectors_that_are_none_are_empty() -> None:
    doc = {"embeddings": [{"values": [1, 0.5]}, {"values": ["x"]}, {}, None]}
    assert vectors(doc).vectors == [[1.0, 0.5], [], [], []]


# --- requests


def body(*lines: ChatMessage, model: str = "gemini-3-pro", **more: object) -> Json:
    own = {name: more.pop(name) for name in ("thinking", "system_role") if name in more}
    return request_body(ChatRequest(list(lines), model=model, **more), **own)  # type: ignore[arg-type]


HELLO = ChatMessage("user", "hello")
ADD = Tool("add", "Add up", {"type": "object", "properties": {"a": {"type": "integer"}}})


def test_the_least_that_is_sent() -> None:
    assert body(HELLO) == {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}


def test_what_is_wanted_is_sent() -> None:
    found = body(
        ChatMessage("system", "Be brief."), HELLO, temperature=0.7, max_tokens=9, stream=True, thinking=50
    )
    assert found["systemInstruction"] == {"parts": [{"text": "Be brief."}]}
    assert found["generationConfig"] == {
        "temperature": 0.7,
        "maxOutputTokens": 9,
        "thinkingConfig": {"thinkingBudget": 50, "includeThoughts": True},
    }
    assert "stream" not in found


def test_instructions_for_a_model_without_a_system_role() -> None:
    found = body(ChatMessage("system", "Be brief."), HELLO, system_role=False)
    assert found == {"contents": [{"role": "user", "parts": [{"text": "Be brief.\n\n"}, {"text": "hello"}]}]}


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("", None),
        ("auto", None),
        ("none", {"mode": "NONE"}),
        ("required", {"mode": "ANY"}),
        ("add", {"mode": "ANY", "allowedFunctionNames": ["add"]}),
    ],
)
def test_tools_are_offered(choice: str, sent: Json | None) -> None:
    found = body(HELLO, tools=(ADD, Tool("now")), tool_choice=choice)
    assert found["tools"] == [
        {
            "functionDeclarations": [
                {"name": "add", "description": "Add up", "parametersJsonSchema": ADD.parameters},
                {"name": "now", "description": "now"},
            ]
        }
    ]
    assert found.get("toolConfig") == (None if sent is None else {"functionCallingConfig": sent})


def test_calls_and_results_both_ways() -> None:
    signed = ToolCall("f1", "add", '{"a": 1}', "sign", "google")
    found = body(
        HELLO,
        ChatMessage(
            "assistant", [Reasoning("hm", "s", vendor="google"), Text("ok"), signed, ToolCall("f2", "now")]
        ),
        ChatMessage("tool", [ToolResult("f2", "now", "no clock", failed=True), ToolResult("f1", "add", "2")]),
        ChatMessage("user", "so?"),
    )
    assert found["contents"][1:] == [
        {
            "role": "model",
            "parts": [
                {"text": "ok"},
                {"functionCall": {"id": "f1", "name": "add", "args": {"a": 1}}, "thoughtSignature": "sign"},
                {"functionCall": {"id": "f2", "name": "now", "args": {}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "f1", "name": "add", "response": {"output": "2"}}},
                {"functionResponse": {"id": "f2", "name": "now", "response": {"error": "no clock"}}},
                {"text": "so?"},
            ],
        },
    ]


@pytest.mark.parametrize(("model", "signed"), [("gemini-3-flash", True), ("gemini-2.5-pro", False)])
def test_calls_of_another_model_are_told_apart_where_signatures_are_wanted(model: str, signed: bool) -> None:
    foreign = [ToolCall("a", "add", signature="x", vendor="anthropic"), ToolCall("b", "add")]
    found = body(HELLO, ChatMessage("assistant", foreign), model=model)
    first, second = found["contents"][1]["parts"]
    assert first.get("thoughtSignature") == ("skip_thought_signature_validator" if signed else None)
    assert "thoughtSignature" not in second


def test_pictures_and_sounds_go_along() -> None:
    parts = [Attachment("image", "image/png", data=b"png"), Attachment("audio", "audio/wav", data=b"wav")]
    assert body(ChatMessage("user", parts))["contents"][0]["parts"] == [
        {"inlineData": {"mimeType": "image/png", "data": "cG5n"}},
        {"inlineData": {"mimeType": "audio/wav", "data": "d2F2"}},
    ]


def test_schemas_are_written_in_the_words_that_are_understood() -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "pattern": {"type": "string", "pattern": "^a", "minLength": 1, "default": "a"},
            "kind": {"const": "x"},
            "yes": {"const": True},
            "many": {
                "type": "array",
                "items": {"type": ["string", "null"], "examples": ["a"]},
                "uniqueItems": True,
            },
            "other": {"$ref": "#/definitions/Other", "description": "not beside it"},
            "one": {"allOf": [{"type": "string"}], "title": "One"},
            "two": {
                "anyOf": [{"type": "string", "format": "date"}, {"type": "number", "exclusiveMinimum": 0}]
            },
        },
        "definitions": {"Other": {"type": "object", "additionalProperties": False, "patternProperties": {}}},
        "required": ["kind"],
    }
    assert understood(schema) == {
        "type": "object",
        "properties": {
            "pattern": {"type": "string"},
            "kind": {"enum": ["x"]},
            "yes": {},
            "many": {"type": "array", "items": {"type": ["string", "null"]}},
            "other": {"$ref": "#/$defs/Other"},
            "one": {"type": "string", "title": "One"},
            "two": {"anyOf": [{"type": "string", "format": "date"}, {"type": "number"}]},
        },
        "$defs": {"Other": {"type": "object", "additionalProperties": False}},
        "required": ["kind"],
    }


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["$ref", "allOf", "anyOf", "properties", "items", "enum", "x"]), inner
        )
    ),
    max_leaves=20,
)


@pytest.mark.slow
@given(st.dictionaries(st.sampled_from(["$ref", "allOf", "anyOf", "properties", "const", "type"]), json))
def test_any_schema_becomes_one(schema: Json) -> None:
    assert understood(understood(schema)) == understood(schema)
