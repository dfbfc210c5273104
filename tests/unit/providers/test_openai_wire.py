"""Chat completions as data: accents of compatible servers, and shapes nobody documented."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindbot.domain.chat import ChatMessage, ChatRequest, Chunk, Tool, ToolCall, ToolResult, Usage
from mindbot.domain.errors import (
    ContentFiltered,
    ContextOverflow,
    Overloaded,
    QuotaExceeded,
    RateLimited,
    Truncated,
    VendorError,
)
from mindbot.domain.message import Json
from mindbot.providers.shared.documents import decode
from mindbot.providers.wires.openai_request import Accent, request_body
from mindbot.providers.wires.openai_wire import OpenAIAnswer


def chunk(delta: Json | None = None, finish: str | None = None, **more: object) -> bytes:
    choices = [{"index": 0, "delta": delta or {}, "finish_reason": finish}]
    return orjson.dumps({"id": "x", "object": "chat.completion.chunk", "choices": choices, **more})


def read(*events: bytes) -> tuple[str, Chunk]:
    answer = OpenAIAnswer("acme")
    shown = [answer.feed(decode(event)) for event in events]
    assert answer.complete
    shown.append(answer.rest())
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
    assert last.usage == Usage(3, 5, cached_tokens=2)


def test_usage_with_the_finish_reason_and_on_every_chunk() -> None:
    _, last = read(
        chunk({"content": "hi"}, usage={"prompt_tokens": 3, "completion_tokens": 1}),
        chunk(finish="stop", usage={"prompt_tokens": 3, "completion_tokens": 2}),
    )
    assert last.usage == Usage(3, 2)


def test_no_usage_at_all() -> None:
    assert read(chunk({"content": "hi"}, "stop"))[1].usage is None


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_by_either_name(field: str) -> None:
    shown = OpenAIAnswer("acme").feed(decode(chunk({field: "hm"})))
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
    assert last.tool_calls == (ToolCall("c1", "add", '{"a": 1}'), ToolCall("c2", "mul", '{"b": 2}'))


def test_a_whole_call_without_id_or_index_and_with_an_argument_object() -> None:
    _, last = read(chunk({"tool_calls": [call(None, {"a": 1}, name="add")]}, "stop"))
    assert last.finish == "tool_calls"
    assert last.tool_calls == (ToolCall("call_0", "add", '{"a":1}'),)


def test_invalid_arguments_are_kept_for_the_agent_to_judge() -> None:
    _, last = read(chunk({"tool_calls": [call(0, '{"a": ', "c1", "add")]}), chunk(finish="tool_calls"))
    assert last.tool_calls[0].arguments == '{"a": '


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
        ("safety", "content_filter"),
        ("ran_out_of_ink", "other"),
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
    ],
)
def test_finish_reasons_instead_of_text(reason: str, error: type[VendorError]) -> None:
    with pytest.raises(error):
        read(chunk(finish=reason))


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        ("error", Overloaded),
        ("network_error", Overloaded),
        ("insufficient_system_resource", Overloaded),
        ("abort", Truncated),
    ],
)
def test_finish_reasons_that_mean_a_failure_whatever_was_said(reason: str, error: type[VendorError]) -> None:
    for said in ({}, {"content": "half an"}):
        with pytest.raises(error) as caught:
            read(chunk(said), chunk(finish=reason))
        assert caught.value.code == reason


def test_the_word_null_is_no_reason() -> None:
    answer = OpenAIAnswer("acme")
    answer.feed(decode(chunk({"content": "hi"}, "null")))
    assert not answer.complete


def test_a_refusal_is_text() -> None:
    assert read(chunk({"refusal": "I cannot."}), chunk(finish="stop"))[0] == "I cannot."


def test_content_in_parts() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert OpenAIAnswer("acme").whole({"choices": [{"message": {"content": parts}}]}) == Chunk(text="ab")


def test_an_empty_answer_is_an_answer() -> None:
    answer = OpenAIAnswer("acme")
    assert answer.whole({"choices": [{"message": {"content": None}, "finish_reason": "stop"}]}) is None
    assert answer.end() == Chunk(finish="stop")


@pytest.mark.parametrize(
    ("doc", "error"),
    [
        ({"error": {"message": "slow down", "code": 429}}, RateLimited),
        ({"choices": [], "error": {"message": "boom", "type": "server_error"}}, Overloaded),
        ({"code": 5000, "msg": "internal"}, Overloaded),
        (
            {"choices": [{"delta": {"content": "half"}}], "error": {"code": 502, "message": "gone"}},
            Overloaded,
        ),
        ({"choices": None, "base_resp": {"status_code": 1008, "status_msg": "no money"}}, QuotaExceeded),
        ({"error": "boom"}, Overloaded),
        ({"error": 7}, Overloaded),
    ],
)
def test_errors_that_come_with_http_200(doc: Json, error: type[VendorError]) -> None:
    with pytest.raises(error):
        OpenAIAnswer("acme").feed(doc)
    with pytest.raises(error):
        OpenAIAnswer("acme").whole(doc)


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"choices": None},
        {"choices": 7},
        {"choices": [7]},
        {"choices": [None]},
        {"choices": [{"delta": 7}]},
        {"choices": [{"delta": {"content": {}, "tool_calls": "x", "reasoning": 7.5}}]},
        {"choices": [{"delta": {"tool_calls": [None, {"index": "a", "function": 5}]}}]},
        {"usage": "x"},
        {"choices": [], "usage": {"prompt_tokens": [], "completion_tokens": "many"}},
        {"error": None, "choices": []},
        {"error": {"code": 0, "message": ""}, "choices": []},
        {"base_resp": {"status_code": 0, "status_msg": "success"}, "choices": []},
        {"id": "x", "object": "ping"},
        None,
        [],
        7,
        "ping",
    ],
)
def test_what_nobody_documented_does_not_cost_the_answer(odd: object) -> None:
    text, last = read(
        chunk({"content": "hel"}), orjson.dumps(odd), chunk({"content": "lo"}), chunk(finish="stop")
    )
    assert (text, last.finish, last.usage, last.tool_calls) == ("hello", "stop", None, ())


@pytest.mark.parametrize("odd", [{}, {"choices": None}, {"choices": [7]}, None, [], 7, "x", {"id": "x"}])
def test_an_answer_without_a_choice_is_none(odd: object) -> None:
    with pytest.raises(Overloaded):
        OpenAIAnswer("acme").whole(odd)


@pytest.mark.parametrize(
    ("usage", "ours"),
    [
        ({"prompt_tokens": "3", "completion_tokens": "2.0"}, (3, 2)),
        ({"prompt_tokens": 3, "completion_tokens": 2, "prompt_tokens_details": [{"x": 1}]}, (3, 2)),
        ({"input_tokens": 3, "output_tokens": 2}, (3, 2)),
        ({"prompt_tokens": 10**30, "completion_tokens": 2}, (0, 2)),
    ],
)
def test_usage_of_odd_shape(usage: Json, ours: tuple[int, int]) -> None:
    _, last = read(chunk({"content": "hi"}, "stop"), orjson.dumps({"choices": [], "usage": {}}))
    assert last.usage is None
    _, last = read(chunk({"content": "hi"}, "stop"), json.dumps({"choices": [], "usage": usage}).encode())
    assert (last.usage.input_tokens, last.usage.output_tokens) == ours


def test_thinking_as_parts_and_reasoning_as_an_object() -> None:
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "4"},
    ]
    assert OpenAIAnswer("acme").whole({"choices": [{"message": {"content": parts}}]}) == Chunk("4", "hm")
    odd = {"choices": [{"message": {"content": "4", "reasoning": {"content": "hm"}}}]}
    assert OpenAIAnswer("acme").whole(odd) == Chunk("4", "hm")


def test_characters_cut_in_two_by_the_stream() -> None:
    halves = [rb'{"choices":[{"delta":{"content":"%s"}}]}' % half for half in (rb"a\ud83d", rb"\udcafb")]
    assert read(*halves, chunk(finish="stop"))[0] == "a💯b"
    halves = [b'{"choices":[{"delta":{"content":"%s"}}]}' % half for half in (b"a\xe4\xbd", b"\xa0b")]
    assert read(*halves, chunk(finish="stop"))[0] == "a你b"


def test_calls_without_numbers_with_null_and_with_one_number_for_all() -> None:
    for index in ({}, {"index": None}, {"index": 0}):
        first, second = (
            {**index, **call(None, "", id_, name)} for id_, name in (("c1", "add"), ("c2", "mul"))
        )
        more = [{**index, **call(None, arguments)} for arguments in ('{"a":1}', '{"b":2}')]
        each = [chunk({"tool_calls": [fragment]}) for fragment in (first, more[0], second, more[1])]
        _, last = read(*each, chunk(finish="tool_calls"))
        assert [(c.id, c.name, c.arguments) for c in last.tool_calls] == [
            ("c1", "add", '{"a":1}'),
            ("c2", "mul", '{"b":2}'),
        ]


def test_two_whole_calls_without_ids_and_one_with_an_id_on_each_fragment() -> None:
    whole = [chunk({"tool_calls": [call(None, {"n": n}, name="add")]}) for n in (1, 2)]
    assert [c.arguments for c in read(*whole, chunk(finish="stop"))[1].tool_calls] == [
        '{"n":1}',
        '{"n":2}',
    ]
    repeated = [chunk({"tool_calls": [call(0, part, "c1", "add")]}) for part in ('{"a"', ":1}")]
    assert [c.arguments for c in read(*repeated, chunk(finish="stop"))[1].tool_calls] == ['{"a":1}']
    older = chunk({"function_call": {"name": "add", "arguments": "{}"}}, "function_call")
    assert read(older)[1].tool_calls == (ToolCall("call_0", "add", "{}"),)


def test_an_answer_is_cut_at_its_limit_within_no_character() -> None:
    answer = OpenAIAnswer("acme", limit=10)
    shown = [answer.feed({"choices": [{"delta": {"content": "你好"}}]}) for _ in range(2)]
    assert answer.full
    last = answer.end()
    assert "".join(each.text for each in shown if each) == "你好你"
    assert (last.finish, last.notes) == ("length", {"cut": "an answer over 10 bytes"})


def test_thinking_without_end_is_cut_as_well() -> None:
    answer = OpenAIAnswer("acme", limit=10)
    while not answer.full:
        answer.feed({"choices": [{"delta": {"reasoning": "hmm"}}]})
    assert answer.rest() is None
    assert answer.end().finish == "length"


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


@pytest.mark.full
@given(json_values | answers)
def test_any_json_is_an_answer_or_a_vendor_error(doc: object) -> None:
    for read_it in (lambda a: a.feed(doc), lambda a: a.whole(doc)):
        answer = OpenAIAnswer("acme")
        try:
            read_it(answer)
            answer.rest()
            answer.end()
        except VendorError:
            pass


def test_a_tool_round_trip_as_the_reference_wants_it() -> None:
    messages = [
        ChatMessage("user", "1+1"),
        ChatMessage("assistant", [ToolCall("c1", "add", '{"a": 1}')]),
        ChatMessage("tool", [ToolResult("c1", "add", "2")]),
    ]
    tool = {"name": "add", "parameters": {"type": "object"}}
    body = request_body(ChatRequest(messages, model="m", tools=(Tool(**tool),)), Accent())
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


def last(content: str, **more: object) -> bytes:
    """A stream's last chunk as MiniMax sends it: the whole answer once more."""
    choice = {
        "index": 0,
        "finish_reason": "stop",
        "message": {"role": "assistant", "content": content, **more},
    }
    return orjson.dumps({"object": "chat.completion", "choices": [choice], "usage": {"prompt_tokens": 3}})


@pytest.mark.parametrize("pieces", [["Blue, ", "or a little green?"], ["y", "es"]])
@pytest.mark.parametrize("delta", [{}, {"delta": {}}, {"delta": {"role": "assistant", "content": ""}}])
def test_an_answer_that_comes_whole_behind_its_pieces_is_said_once(pieces: list[str], delta: Json) -> None:
    end = decode(last("".join(pieces), reasoning_content="hm"))
    end["choices"][0] |= delta
    text, finish = read(
        chunk({"reasoning_content": "hm"}), *(chunk({"content": each}) for each in pieces), orjson.dumps(end)
    )
    assert text == "".join(pieces)
    assert (finish.finish, finish.usage.input_tokens) == ("stop", 3)


def test_what_came_only_whole_is_taken_from_there() -> None:
    whole = [call(None, "{}", "c1", "now")]
    text, finish = read(chunk({"reasoning_content": "hm"}), last("Blue.", tool_calls=whole))
    assert (text, len(finish.tool_calls)) == ("Blue.", 1)
    answer = OpenAIAnswer("acme")
    shown = [
        answer.feed({"choices": [{"text": each}]}) for each in ("o", "k")
    ]  # completions of the older kind
    assert "".join(each.text for each in shown if each) == "ok"


def test_a_failure_behind_a_complete_answer_is_noted() -> None:
    trouble = orjson.dumps(
        {"error": {"message": "the books are closed", "type": "billing_log"}, "choices": []}
    )
    text, finish = read(chunk({"content": "Blue."}), chunk({}, "stop"), trouble)
    assert (text, finish.notes) == ("Blue.", {"unread": 1})
    for instead in (chunk({}, "stop"), chunk({"content": "Bl"}), chunk({"content": "Bl"}, "error")):
        with pytest.raises(Overloaded):
            read(instead, trouble)


def test_nothing_is_said_behind_the_cut() -> None:
    answer = OpenAIAnswer("acme", limit=4)
    shown = [answer.feed({"choices": [{"delta": {"content": "abcdefg<thi"}}]}), answer.rest()]
    assert "".join(each.text for each in shown if each) == "abcd"
