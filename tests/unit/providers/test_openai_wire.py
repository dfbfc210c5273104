"""Chat completions as data: accents of compatible servers, and shapes nobody documented."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindbot.domain.errors import ContentFiltered, ContextOverflow, Overloaded, RateLimited, VendorError
from mindbot.domain.message import Json
from mindbot.domain.turn import ChatMessage, ChatRequest, Chunk
from mindbot.providers.openai_wire import Answer, request_body


def chunk(delta: Json | None = None, finish: str | None = None, **more: object) -> bytes:
    choices = [{"index": 0, "delta": delta or {}, "finish_reason": finish}]
    return orjson.dumps({"id": "x", "object": "chat.completion.chunk", "choices": choices, **more})


def read(*events: bytes) -> tuple[str, Chunk]:
    answer = Answer("acme")
    shown = [answer.feed(event) for event in events]
    assert answer.complete
    return "".join(each.text for each in shown if each), answer.end()


def call(index: int | None, arguments: object, id_: str | None = None, name: str | None = None) -> Json:
    out: Json = {"function": {"arguments": arguments}}
    if index is not None:
        out["index"] = index
    if id_:
        out["id"] = id_
    if name:
        out["function"]["name"] = name
    return out


def test_usage_in_a_chunk_of_its_own() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 2}}
    text, last = read(
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "hi"}, usage=None),
        chunk(finish="stop", usage=None),
        orjson.dumps({"choices": [], "usage": usage}),
    )
    assert (text, last.finish) == ("hi", "stop")
    assert last.usage == {"input_tokens": 3, "output_tokens": 5, "cached_tokens": 2}


def test_usage_with_the_finish_reason_and_on_every_chunk() -> None:
    _, last = read(
        chunk({"content": "hi"}, usage={"prompt_tokens": 3, "completion_tokens": 1}),
        chunk(finish="stop", usage={"prompt_tokens": 3, "completion_tokens": 2}),
    )
    assert last.usage == {"input_tokens": 3, "output_tokens": 2}


def test_no_usage_at_all() -> None:
    assert read(chunk({"content": "hi"}, "stop"))[1].usage == {}


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_by_either_name(field: str) -> None:
    shown = Answer("acme").feed(chunk({field: "hm"}))
    assert shown == Chunk(reasoning="hm")


def test_parallel_calls_in_interleaved_fragments() -> None:
    _, last = read(
        chunk({"tool_calls": [call(0, "", "c1", "add")]}),
        chunk({"tool_calls": [call(1, "", "c2", "mul"), call(0, '{"a"')]}),
        *(chunk({"tool_calls": [call(1, piece)]}) for piece in '{"b": 2}'),
        chunk({"tool_calls": [call(0, ": 1}")]}),
        chunk(finish="tool_calls"),
    )
    assert last.finish == "tool_calls"
    assert last.tool_calls == [
        {"id": "c1", "name": "add", "arguments": '{"a": 1}'},
        {"id": "c2", "name": "mul", "arguments": '{"b": 2}'},
    ]


def test_a_whole_call_without_id_or_index_and_with_an_argument_object() -> None:
    _, last = read(chunk({"tool_calls": [call(None, {"a": 1}, name="add")]}, "stop"))
    assert last.finish == "tool_calls"
    assert last.tool_calls == [{"id": "call_0", "name": "add", "arguments": '{"a":1}'}]


def test_invalid_arguments_are_kept_for_the_agent_to_judge() -> None:
    _, last = read(chunk({"tool_calls": [call(0, '{"a": ', "c1", "add")]}), chunk(finish="tool_calls"))
    assert last.tool_calls[0]["arguments"] == '{"a": '


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("stop", "stop"),
        ("eos", "stop"),
        ("length", "length"),
        ("function_call", "tool_calls"),
        ("content_filter", "content_filter"),
        ("sensitive", "content_filter"),
        ("model_context_window_exceeded", "length"),
        ("network_error", "stop"),
    ],
)
def test_finish_reasons_after_some_text(reason: str, finish: str) -> None:
    assert read(chunk({"content": "hi"}), chunk(finish=reason))[1].finish == finish


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        ("content_filter", ContentFiltered),
        ("sensitive", ContentFiltered),
        ("model_context_window_exceeded", ContextOverflow),
        ("network_error", Overloaded),
    ],
)
def test_finish_reasons_instead_of_text(reason: str, error: type[VendorError]) -> None:
    with pytest.raises(error):
        read(chunk(finish=reason))


def test_a_refusal_is_text() -> None:
    assert read(chunk({"refusal": "I cannot."}), chunk(finish="stop"))[0] == "I cannot."


def test_content_in_parts() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert Answer("acme").whole({"choices": [{"message": {"content": parts}}]}) == Chunk(text="ab")


def test_an_empty_answer_is_an_answer() -> None:
    answer = Answer("acme")
    assert answer.whole({"choices": [{"message": {"content": None}, "finish_reason": "stop"}]}) is None
    assert answer.end() == Chunk(finish="stop")


@pytest.mark.parametrize(
    ("doc", "error"),
    [
        ({"error": {"message": "slow down", "code": 429}}, RateLimited),
        ({"choices": [], "error": {"message": "boom", "type": "server_error"}}, Overloaded),
        ({"code": 5000, "msg": "internal"}, Overloaded),
        ({}, Overloaded),
    ],
)
def test_errors_that_come_with_http_200(doc: Json, error: type[VendorError]) -> None:
    with pytest.raises(error):
        Answer("acme").feed(orjson.dumps(doc))
    with pytest.raises(error):
        Answer("acme").whole(doc)


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"7", b"null", b"[]", b'{"choices": 7}', b'{"choices": [7]}', b'{"choices": [{"delta": 7}]}'],
)
def test_shapes_nobody_documented(data: bytes) -> None:
    with pytest.raises(Overloaded):
        Answer("acme").feed(data)


KEYS = [
    "choices",
    "delta",
    "message",
    "content",
    "tool_calls",
    "function",
    "arguments",
    "index",
    "usage",
    "error",
    "code",
    "finish_reason",
    "prompt_tokens",
    "prompt_tokens_details",
    "cached_tokens",
    "text",
    "name",
    "id",
    "details",
]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=15,
)
deltas = st.dictionaries(
    st.sampled_from(["content", "tool_calls", "refusal", "reasoning"]), json_values, max_size=3
)
answers = st.fixed_dictionaries(
    {
        "choices": st.lists(
            st.fixed_dictionaries({"delta": deltas, "message": deltas, "finish_reason": json_values})
        )
    },
    optional={"usage": json_values, "error": json_values},
)


@given(json_values | answers)
def test_any_json_is_an_answer_or_a_vendor_error(doc: object) -> None:
    for read_it in (lambda a: a.feed(orjson.dumps(doc)), lambda a: a.whole(doc)):
        answer = Answer("acme")
        try:
            read_it(answer)
            answer.end()
        except VendorError:
            pass


def test_a_tool_round_trip_as_the_reference_wants_it() -> None:
    calls = [{"id": "c1", "name": "add", "arguments": '{"a": 1}'}]
    messages = [
        ChatMessage("user", "1+1"),
        ChatMessage("assistant", "", tool_calls=calls),
        ChatMessage("tool", "2", tool_call_id="c1"),
    ]
    tool = {"name": "add", "parameters": {"type": "object"}}
    body = request_body(ChatRequest(messages, model="m", tools=[tool]), "max_tokens")
    assert body["messages"][1:] == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"type": "function", "id": "c1", "function": {"name": "add", "arguments": '{"a": 1}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "2"},
    ]
    assert body["tools"] == [{"type": "function", "function": tool}]
