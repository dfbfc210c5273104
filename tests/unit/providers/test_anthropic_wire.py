"""Anthropic's messages as data: the order of events, what is not known, where they are cut."""

from __future__ import annotations

from collections.abc import Iterator

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
from mindbot.domain.errors import ContentFiltered, ContextOverflow, Overloaded, RateLimited, VendorError
from mindbot.domain.message import Json
from mindbot.providers.shared.documents import Documents
from mindbot.providers.shared.optional import Optional
from mindbot.providers.wires.anthropic_request import MOST_TOKENS, request_body
from mindbot.providers.wires.anthropic_wire import AnthropicAnswer

START = {
    "type": "message_start",
    "message": {"content": [], "usage": {"input_tokens": 7, "output_tokens": 1}},
}
STOP: Json = {"type": "message_stop"}
BLOCK_STOP: Json = {"type": "content_block_stop", "index": 0}


def begins(index: int, **block: object) -> Json:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, type_: str, **more: object) -> Json:
    return {"type": "content_block_delta", "index": index, "delta": {"type": f"{type_}_delta", **more}}


def ends(reason: str | None = "end_turn", **usage: int) -> Json:
    return {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage}


def read(*events: object) -> tuple[str, str, Chunk]:
    """Return the text, the thinking, and the last chunk."""
    answer = AnthropicAnswer("acme", hold=16)
    shown = [answer.take(event, streamed=True) for event in events]
    assert answer.complete
    shown.append(answer.rest())
    text = "".join(each.text for each in shown if each)
    return text, "".join(each.reasoning for each in shown if each), answer.end()


def said(text: str, reason: str | None = "end_turn") -> list[Json]:
    return [
        START,
        begins(0, type="text", text=""),
        delta(0, "text", text=text),
        BLOCK_STOP,
        ends(reason),
        STOP,
    ]


def test_usage_is_told_twice_and_the_sums_count() -> None:
    start = {
        "type": "message_start",
        "message": {
            "usage": {
                "input_tokens": 7,
                "cache_creation_input_tokens": 20,
                "cache_read_input_tokens": 100,
                "output_tokens": 1,
            }
        },
    }
    end = ends(output_tokens=40, input_tokens=None)  # type: ignore[arg-type]
    end["usage"]["output_tokens_details"] = {"thinking_tokens": 12}
    _, _, last = read(start, begins(0, type="text", text="hi"), end, STOP)
    assert last.usage == Usage(127, 40, cached_tokens=100, reasoning_tokens=12)


def test_blocks_pings_and_what_is_yet_to_come() -> None:
    text, thinking, last = read(
        {"type": "ping"},
        START,
        begins(0, type="thinking", thinking="", signature=""),
        delta(0, "thinking", thinking="hm"),
        {"type": "ping"},
        delta(0, "signature", signature="si"),
        delta(0, "signature", signature="gn"),
        BLOCK_STOP,
        begins(1, type="redacted_thinking", data="sealed"),
        begins(2, type="web_search_tool_result", content=[]),
        delta(2, "input_json", partial_json="{}"),
        {"type": "a_new_event", "anything": [1]},
        begins(3, type="text", text="an"),
        delta(3, "text", text="swer"),
        delta(3, "citations", citation={}),
        delta(3, "new_kind", text="?"),
        ends(output_tokens=3),
        STOP,
    )
    assert (text, thinking) == ("answer", "hm")
    assert last.thoughts == (
        Reasoning("hm", "sign", vendor="anthropic"),
        Reasoning(sealed="sealed", vendor="anthropic"),
    )
    assert last.notes == {}


def test_calls_with_and_without_pieces_of_arguments() -> None:
    _, _, last = read(
        START,
        begins(0, type="tool_use", id="t1", name="add", input={}),
        delta(0, "input_json", partial_json=""),
        delta(0, "input_json", partial_json='{"a"'),
        begins(1, type="tool_use", id="t2", name="now", input={}),
        delta(1, "input_json", partial_json=""),
        delta(0, "input_json", partial_json=": 1}"),
        begins(2, type="tool_use", id="t3", name="mul", input={"b": 2}),
        begins(3, type="tool_use", id="t4", name="odd"),
        ends("tool_use"),
        STOP,
    )
    assert last.finish == "tool_calls"
    assert last.tool_calls == (
        ToolCall("t1", "add", '{"a": 1}'),
        ToolCall("t2", "now", "{}"),
        ToolCall("t3", "mul", '{"b":2}'),
        ToolCall("t4", "odd", "{}"),
    )


@pytest.mark.parametrize(
    ("reason", "finish", "word"),
    [
        ("end_turn", "stop", "end_turn"),
        ("stop_sequence", "stop", "stop_sequence"),
        ("max_tokens", "length", "max_tokens"),
        ("model_context_window_exceeded", "length", "model_context_window_exceeded"),
        ("pause_turn", "length", "pause_turn"),
        ("refusal", "content_filter", "refusal"),
        ("ran_out_of_ink", "other", "ran_out_of_ink"),
    ],
)
def test_why_it_ended(reason: str, finish: Finish, word: str) -> None:
    text, _, last = read(*said("hi", reason))
    assert (text, last.finish, last.finish_word) == ("hi", finish, word)


def test_a_refusal_before_the_first_word_is_one() -> None:
    with pytest.raises(ContentFiltered):
        read(START, ends("refusal"), STOP)
    with pytest.raises(ContextOverflow):
        read(START, ends("model_context_window_exceeded"), STOP)


def test_why_it_refused_is_in_the_trace() -> None:
    end = ends("refusal")
    end["delta"]["stop_details"] = {"type": "refusal", "category": "bio", "explanation": None}
    assert read(START, begins(0, type="text", text="Well"), end, STOP)[2].notes == {"refusal": "bio"}


def failure(type_: str, message: str = "no") -> Json:
    return {"type": "error", "error": {"type": type_, "message": message}, "request_id": "req_1"}


@pytest.mark.parametrize(
    ("type_", "kind"),
    [("overloaded_error", Overloaded), ("api_error", Overloaded), ("rate_limit_error", RateLimited)],
)
def test_an_error_amid_the_answer(type_: str, kind: type[VendorError]) -> None:
    answer = AnthropicAnswer("acme")
    answer.take(START, streamed=True)
    answer.take(begins(0, type="text", text="hi"), streamed=True)
    with pytest.raises(kind, match="acme"):
        answer.take(failure(type_), streamed=True)


def test_an_error_behind_the_answer_costs_nobody_the_answer() -> None:
    text, _, last = read(*said("hi")[:-1], failure("api_error"))
    assert (text, last.finish, last.notes) == ("hi", "stop", {"unread": 1})


def test_without_a_reason_it_has_not_ended() -> None:
    answer = AnthropicAnswer("acme")
    for event in said("hi")[:-2]:
        answer.take(event, streamed=True)
    assert not answer.complete
    answer.take(STOP)
    assert answer.complete and answer.over


@pytest.mark.parametrize("streamed", [True, False])
def test_a_whole_message(streamed: bool) -> None:
    answer = AnthropicAnswer("acme")
    content = [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "hi"},
        {"type": "tool_use", "id": "t", "name": "add", "input": {"a": 1}},
        None,
        "?",
    ]
    doc = {"type": "message", "content": content, "stop_reason": "tool_use", "usage": {"input_tokens": 1}}
    assert answer.is_whole(doc)
    chunk = answer.take(doc, streamed=streamed)
    assert chunk == Chunk(reasoning="hm", text=chunk.text if chunk else "")
    rest, last = answer.rest(), answer.end()
    assert "".join(each.text for each in (chunk, rest) if each) == "hi"
    assert (answer.over, last.tool_calls) == (True, (ToolCall("t", "add", '{"a":1}'),))
    assert last.thoughts == (Reasoning("hm", "s", vendor="anthropic"),)
    assert last.usage == Usage(1, 0)


def test_a_whole_message_behind_its_pieces_is_not_said_again() -> None:
    call = {"type": "tool_use", "id": "t", "name": "add", "input": {}}
    doc = {
        "type": "message",
        "content": [{"type": "text", "text": "hi"}, call],
        "stop_reason": "tool_use",
        "usage": {"output_tokens": 5},
    }
    text, _, last = read(*said("hi")[:-2], begins(1, **call), doc)
    assert (text, last.tool_calls) == ("hi", (ToolCall("t", "add", "{}"),))
    assert last.usage == Usage(7, 5)


STRANGE: list[object] = [
    None,
    [],
    "text",
    {},
    {"type": None},
    {"type": "message_start"},
    {"type": "message_start", "message": {"usage": {"input_tokens": "many"}}},
    {"type": "content_block_start", "index": None, "content_block": None},
    begins(9, type="tool_use", id=3, name=None, input="x"),
    begins(8, type="thinking", thinking=None, signature=5),
    {"type": "content_block_delta", "index": "x", "delta": []},
    delta(7, "text", text=None),
    delta(7, "thinking", thinking=3),
    delta(7, "input_json", partial_json={"a": 1}),
    {"type": "message_delta", "delta": None, "usage": []},
]


def test_strange_shapes_cost_nothing() -> None:
    text, _, last = read(*STRANGE, *said("hi")[:-2], *STRANGE, *said("hi")[-2:])
    assert (text, last.finish) == ("hi", "stop")


def stream() -> bytes:
    events = [
        START,
        begins(0, type="thinking", thinking="", signature=""),
        delta(0, "thinking", thinking="überlegt"),
        delta(0, "signature", signature="sign"),
        BLOCK_STOP,
        begins(1, type="text", text=""),
        *(delta(1, "text", text=piece) for piece in ("你好", "，", "wörld 👩‍👧", "\n\n")),
        begins(2, type="tool_use", id="t", name="add", input={}),
        *(delta(2, "input_json", partial_json=piece) for piece in ("", '{"a', '": 1}')),
        ends("tool_use", output_tokens=9),
        STOP,
    ]
    return b"".join(b"event: %b\ndata: %b\n\n" % (e["type"].encode(), orjson.dumps(e)) for e in events)


def feed(data: bytes) -> Iterator[object]:
    documents = Documents(1 << 20)
    lines = data.split(b"\n")
    for line in lines[:-1]:
        yield from documents.feed(line)
    yield from documents.end()


@given(st.integers(0, len(stream())))
def test_cut_anywhere_it_is_whole_or_none(at: int) -> None:
    answer = AnthropicAnswer("acme")
    shown = [answer.take(doc, streamed=True) for doc in feed(stream()[:at])]
    text = "".join(each.text for each in shown if each)
    assert "你好，wörld 👩‍👧\n\n".startswith(text)
    if not answer.complete:
        assert b'"output_tokens":9}}\n' not in stream()[:at]
        return
    answer.rest()
    last = answer.end()
    assert last.tool_calls == (ToolCall("t", "add", '{"a": 1}'),)
    assert last.thoughts == (Reasoning("überlegt", "sign", vendor="anthropic"),)
    assert last.finish == "tool_calls"


# --- requests


def body(*lines: ChatMessage, thinking: int | None = None, **more: object) -> Json:
    return request_body(ChatRequest(list(lines), model="m", **more), thinking=thinking)  # type: ignore[arg-type]


HELLO = ChatMessage("user", "hello")
ADD = Tool("add", "Add up", {"properties": {"a": {"type": "integer"}}})


def test_the_least_that_is_sent() -> None:
    assert body(HELLO) == {
        "model": "m",
        "max_tokens": MOST_TOKENS,
        "messages": [{"role": "user", "content": "hello"}],
    }


def test_what_is_wanted_is_sent() -> None:
    sent = body(
        ChatMessage("system", "Be brief."), HELLO, temperature=1.7, max_tokens=9, user="u", stream=True
    )
    assert (sent["system"], sent["temperature"], sent["max_tokens"]) == ("Be brief.", 1.0, 9)
    assert (sent["metadata"], sent["stream"]) == ({"user_id": "u"}, True)


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("", None),
        ("auto", None),
        ("none", {"type": "none"}),
        ("required", {"type": "any"}),
        ("add", {"type": "tool", "name": "add"}),
    ],
)
def test_tools_are_offered(choice: str, sent: Json | None) -> None:
    found = body(HELLO, tools=(ADD,), tool_choice=choice)
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    assert found["tools"] == [{"name": "add", "input_schema": schema, "description": "Add up"}]
    assert found.get("tool_choice") == sent


def test_calls_and_results_both_ways() -> None:
    call = ToolCall("t1", "add", '{"a": 1}')
    odd = ToolCall("t2", "add", "no json")
    mine = Reasoning("hm", "sign", vendor="anthropic")
    found = body(
        HELLO,
        ChatMessage("assistant", [mine, Reasoning(sealed="x", vendor="anthropic"), Text("ok"), call, odd]),
        ChatMessage("tool", [ToolResult("t1", "add", "2"), ToolResult("t2", "add", "", failed=True)]),
        ChatMessage("user", "so?"),
    )
    assert found["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": "sign"},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "text", "text": "ok"},
        {"type": "tool_use", "id": "t1", "name": "add", "input": {"a": 1}},
        {"type": "tool_use", "id": "t2", "name": "add", "input": {"arguments": "no json"}},
    ]
    assert found["messages"][2]["content"] == [
        {"type": "tool_result", "tool_use_id": "t1", "content": "2"},
        {"type": "tool_result", "tool_use_id": "t2", "is_error": True},
        {"type": "text", "text": "so?"},
    ]
    # Tools that nobody offers any more are named all the same: the history calls them.
    assert [tool["name"] for tool in found["tools"]] == ["add"]
    assert found["tool_choice"] == {"type": "none"}


def test_pictures_and_files() -> None:
    found = body(
        ChatMessage(
            "user",
            [
                Attachment("image", "image/png", data=b"png"),
                Attachment("image", "", url="https://example.com/a.png"),
                Attachment("file", "application/pdf", "a.pdf", data=b"pdf"),
                Attachment("file", "text/csv", "a.csv", data="ü,1".encode()),
            ],
        )
    )
    assert found["messages"][0]["content"] == [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "cG5n"}},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "cGRm"},
            "title": "a.pdf",
        },
        {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "ü,1"},
            "title": "a.csv",
        },
    ]


def test_thinking_takes_no_temperature_and_room_of_its_own() -> None:
    found = body(HELLO, thinking=2000, temperature=0.5, max_tokens=100)
    assert found["thinking"] == {"type": "enabled", "budget_tokens": 2000}
    assert found["max_tokens"] == 2100
    assert "temperature" not in found
    assert body(HELLO, thinking=0)["thinking"] == {"type": "disabled"}


def test_no_thinking_where_it_would_be_refused() -> None:
    off = {"type": "disabled"}
    assert body(HELLO, thinking=2000, tools=(ADD,), tool_choice="required")["thinking"] == off
    lines = [
        HELLO,
        ChatMessage("assistant", [ToolCall("t", "add")]),
        ChatMessage("tool", [ToolResult("t", "add", "1")]),
    ]
    assert body(*lines, thinking=2000, tools=(ADD,))["thinking"] == off
    own = Reasoning("hm", "s", vendor="anthropic")
    lines[1] = ChatMessage("assistant", [own, ToolCall("t", "add")])
    assert body(*lines, thinking=2000, tools=(ADD,))["thinking"]["type"] == "enabled"


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("temperature", "temperature: Extra inputs are not permitted"),
        ("temperature", "`temperature` is deprecated for this model."),
        (
            "thinking",
            '"thinking.type.enabled" is not supported for this model.',
        ),
    ],
)
def test_what_a_model_refuses_is_left_out_from_then_on(field: str, message: str) -> None:
    optional = Optional()
    sent = {"model": "m", "max_tokens": 9, field: 1}
    assert optional.learn("m", sent, orjson.dumps(failure("invalid_request_error", message)))
    assert optional.fit("m", sent) == {"model": "m", "max_tokens": 9}
    assert optional.left_out("m") == [field]
