"""What the vendors send, as it was recorded, cut and spoiled at any place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindbot.domain.chat import Chunk, ToolCall, Usage
from mindbot.domain.errors import ContentFiltered, Overloaded, RateLimited, Truncated, VendorError
from mindbot.http.answers import LineSplitter
from mindbot.providers.shared.answer import AnswerReader
from mindbot.providers.shared.documents import DONE, Documents
from mindbot.providers.wires.anthropic_wire import AnthropicAnswer
from mindbot.providers.wires.coze_wire import CozeAnswer
from mindbot.providers.wires.dify_wire import DifyAnswer
from mindbot.providers.wires.gemini_wire import GeminiAnswer
from mindbot.providers.wires.ollama_wire import OllamaAnswer
from mindbot.providers.wires.openai_wire import OpenAIAnswer

LIMIT = 1 << 20
SAID = '你好, "world" 👩‍👩‍👧'
PIECES = [SAID[:2], SAID[2:9], SAID[9:]]


def sse(doc: Any, name: str = "") -> bytes:
    head = b"event:" + name.encode() + b"\n" if name else b""
    return head + b"data:" + orjson.dumps(doc) + b"\n\n"


def coze_message(text: str, kind: str = "answer", **more: Any) -> Any:
    return {"id": "m1", "role": "assistant", "type": kind, "content": text, "content_type": "text", **more}


CHAT = {"id": "7", "conversation_id": "5", "status": "x"}
NOTE = '{"msg_type":"generate_answer_finish"}'
COZE = [
    sse(CHAT, "conversation.chat.created"),
    sse(CHAT, "conversation.chat.in_progress"),
    sse(coze_message("", reasoning_content="hm"), "conversation.message.delta"),
    *(sse(coze_message(piece), "conversation.message.delta") for piece in PIECES),
    sse(coze_message(SAID), "conversation.message.completed"),
    sse({**coze_message(NOTE, "verbose"), "id": "m2"}, "conversation.message.completed"),
    sse({**coze_message("And then?", "follow_up"), "id": "m3"}, "conversation.message.completed"),
    sse({**CHAT, "usage": {"input_count": 3, "output_count": 4}}, "conversation.chat.completed"),
    b'event:done\ndata:"[DONE]"\n\n',
]
OLLAMA = [
    orjson.dumps(doc) + b"\n"
    for doc in [
        {"message": {"role": "assistant", "content": "", "thinking": "hm"}, "done": False},
        *({"message": {"role": "assistant", "content": piece}, "done": False} for piece in PIECES),
        {
            "message": {"role": "assistant", "content": ""},
            "done": True,
            "done_reason": "stop",
            "prompt_eval_count": 3,
            "eval_count": 4,
        },
    ]
]
DIFY = [
    b"event: ping\n\n",
    sse({"event": "workflow_started", "task_id": "t", "data": {}}),
    sse({"event": "reasoning_chunk", "task_id": "t", "data": {"reasoning": "hm"}}),
    *(sse({"event": "message", "task_id": "t", "answer": piece}) for piece in PIECES),
    sse(
        {
            "event": "message_end",
            "metadata": {"usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_price": "x"}},
        }
    ),
    sse({"event": "workflow_finished", "data": {"status": "succeeded", "outputs": {"answer": SAID}}}),
]


def glm_chunk(delta: Any, **more: Any) -> bytes:
    return sse({"id": "1", "choices": [{"index": 0, "delta": delta, **more}]})


GLM = [
    glm_chunk({"reasoning_content": "hm"}),
    *(glm_chunk({"role": "assistant", "content": piece}) for piece in PIECES),
    sse(
        {
            "choices": [{"index": 0, "finish_reason": "stop", "delta": {"content": ""}}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 4},
        }
    ),
    b"data: [DONE]\n\n",
]


def claude(doc: Any) -> bytes:
    return sse(doc, doc["type"])


def claude_delta(number: int, kind: str, text: str) -> bytes:
    delta = {"type": f"{kind}_delta", kind: text}
    return claude({"type": "content_block_delta", "index": number, "delta": delta})


ANTHROPIC = [
    claude({"type": "message_start", "message": {"usage": {"input_tokens": 3, "output_tokens": 1}}}),
    claude(
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}}
    ),
    claude_delta(0, "thinking", "hm"),
    claude({"type": "ping"}),
    claude({"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}}),
    *(claude_delta(1, "text", piece) for piece in PIECES),
    claude({"type": "content_block_stop", "index": 1}),
    claude({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 4}}),
    claude({"type": "message_stop"}),
]


def gemini_piece(part: Any, **more: Any) -> bytes:
    return sse({"candidates": [{"content": {"role": "model", "parts": [part]}, **more}]})


GEMINI = [
    gemini_piece({"text": "hm", "thought": True}),
    *(gemini_piece({"text": piece}) for piece in PIECES),
    sse(
        {
            "candidates": [{"content": {"parts": [{"text": ""}]}, "finishReason": "STOP"}],
            "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4},
        }
    ),
]


@dataclass(frozen=True)
class Wire:
    reader: Callable[..., AnswerReader]
    events: list[bytes]
    broken: bytes
    error: bytes


WIRES = {
    "coze": Wire(
        CozeAnswer,
        COZE,
        b"event:conversation.message.delta\ndata:{\n\n",
        sse({"code": 5000, "msg": "internal error"}, "error"),
    ),
    "ollama": Wire(OllamaAnswer, OLLAMA, b'{"broken": \n', b'{"error":"llama runner has terminated"}\n'),
    "dify": Wire(
        DifyAnswer,
        DIFY,
        b"data: {\n\n",
        sse({"event": "error", "status": 500, "code": "internal_server_error", "message": "it broke"}),
    ),
    "chatglm": Wire(
        OpenAIAnswer, GLM, b"data: {\n\n", sse({"error": {"code": "1234", "message": "network error"}})
    ),
    "anthropic": Wire(
        AnthropicAnswer,
        ANTHROPIC,
        b"event: content_block_delta\ndata: {\n\n",
        claude({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
    ),
    "gemini": Wire(
        GeminiAnswer,
        GEMINI,
        b"data: {\n\n",
        sse({"error": {"code": 503, "status": "UNAVAILABLE", "message": "The model is overloaded."}}),
    ),
}
wires = pytest.mark.parametrize("name", WIRES)


def read(reader: Callable[..., AnswerReader], data: bytes, size: int = 1 << 16) -> tuple[str, str, Chunk]:
    """Read as `reading.read` does, in pieces of a size; returns what is said and thought, and the end."""
    answer = reader("acme")
    documents = Documents(LIMIT, by_name=answer.by_name)
    splitter = LineSplitter(LIMIT)
    chunks: list[Chunk | None] = []
    lines = [line for at in range(0, len(data), size) for line in splitter.feed(data[at : at + size])]
    lines += [splitter.rest] if splitter.rest else []
    docs = [doc for line in lines for doc in documents.feed(line)] + documents.end()
    for doc in docs:
        if doc is DONE:
            answer.stopped()
            break
        chunks.append(answer.take(doc, streamed=documents.framing == "events"))
        if answer.over:
            break
    answer.unread += documents.unread
    if not answer.complete:
        raise Truncated("acme: cut")
    chunks.append(answer.rest())
    found = [chunk for chunk in chunks if chunk]
    said, thought = ("".join(getattr(c, what) for c in found) for what in ("text", "reasoning"))
    return said, thought, answer.end()


@wires
@given(size=st.integers(1, 40))
def test_pieces_of_any_size_say_the_same(name: str, size: int) -> None:
    wire = WIRES[name]
    said, thought, last = read(wire.reader, b"".join(wire.events), size)
    assert (said, thought, last.finish, last.notes) == (SAID, "hm", "stop", {})
    assert last.usage == Usage(3, 4)


@wires
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_stream_that_is_cut_is_cut_or_whole(name: str, share: float) -> None:
    wire = WIRES[name]
    data = b"".join(wire.events)
    try:
        said, _, last = read(wire.reader, data[: int(len(data) * share)])
    except VendorError as exc:
        assert isinstance(exc, Truncated)
    else:
        assert (said, last.finish) == (SAID, "stop")  # what is missing was not the answer's


@wires
@given(at=st.integers(0, 20))
def test_a_broken_event_costs_only_itself(name: str, at: int) -> None:
    wire = WIRES[name]
    at %= len(wire.events) - 1
    events = [*wire.events[:at], wire.broken, *wire.events[at:]]
    said, thought, last = read(wire.reader, b"".join(events))
    assert (said, thought, last.notes) == (SAID, "hm", {"unread": 1})


@wires
@given(at=st.integers(1, 20))
def test_an_error_before_the_end_is_a_failure(name: str, at: int) -> None:
    wire = WIRES[name]
    spoken = next(n for n, event in enumerate(wire.events) if "👩".encode() in event)
    at = 1 + at % spoken
    with pytest.raises(Overloaded):
        read(wire.reader, b"".join([*wire.events[:at], wire.error, *wire.events[at:]]))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
TOLD = (
    "id type role content content_type reasoning_content usage last_error required_action message done"
    " done_reason tool_calls thinking conversation_id submit_tool_outputs function name arguments"
)
FIELDS = TOLD.split()
STRAY = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=5) | VALUES
EVENTS = [
    "conversation.chat.created",
    "conversation.message.delta",
    "conversation.message.completed",
    "conversation.chat.completed",
    "conversation.chat.failed",
    "conversation.chat.requires_action",
    "conversation.audio.delta",
    "error",
    "done",
    "from.the.future",
    "",
]


@pytest.mark.full
@given(st.lists(st.tuples(st.sampled_from(EVENTS), STRAY), max_size=10))
def test_stray_events_of_coze_end_in_an_answer_or_a_named_failure(events: list[tuple[str, Any]]) -> None:
    try:
        read(CozeAnswer, b"".join(sse(doc, name) for name, doc in events))
    except VendorError as exc:
        assert str(exc).startswith("acme")


@pytest.mark.full
@given(st.lists(STRAY, max_size=10))
def test_stray_lines_of_ollama_end_in_an_answer_or_a_named_failure(docs: list[Any]) -> None:
    try:
        read(OllamaAnswer, b"".join(orjson.dumps(doc) + b"\n" for doc in docs))
    except VendorError as exc:
        assert str(exc).startswith("acme")


TYPES = (
    "message_start message_delta message_stop content_block_start content_block_delta message error ping"
    " text_delta thinking_delta signature_delta input_json_delta tool_use thinking redacted_thinking text"
)
SAID_BY_BOTH = (
    "type index content_block delta message content usage stop_reason text thinking signature data id name"
    " input partial_json stop_details input_tokens candidates parts functionCall args thought"
    " thoughtSignature finishReason finishMessage usageMetadata promptFeedback blockReason promptTokenCount"
    " error code status"
)
KINDS, WORDS = TYPES.split(), SAID_BY_BOTH.split()
ODD = st.recursive(
    VALUES | st.sampled_from(KINDS),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, min_size=1, max_size=5)
    ),
    max_leaves=12,
)


@pytest.mark.full
@pytest.mark.parametrize("reader", [AnthropicAnswer, GeminiAnswer])
@given(docs=st.lists(ODD, max_size=10))
def test_stray_events_end_in_an_answer_or_a_named_failure(
    reader: Callable[..., AnswerReader], docs: list[Any]
) -> None:
    try:
        read(reader, b"".join(map(sse, docs)))
    except VendorError as exc:
        assert str(exc).startswith("acme")


def test_two_messages_of_one_answer_stand_apart() -> None:
    second = {**coze_message("Done."), "id": "m9"}
    data = [
        sse(coze_message("Let me see."), "conversation.message.delta"),
        sse(coze_message("Let me see."), "conversation.message.completed"),
        sse({**coze_message("{}", "function_call"), "id": "m8"}, "conversation.message.completed"),
        sse(second, "conversation.message.completed"),  # no pieces of it came
        sse(CHAT, "conversation.chat.completed"),
    ]
    assert read(CozeAnswer, b"".join(data))[0] == "Let me see.\n\nDone."


def test_a_chat_that_waits_tells_its_calls_and_where_it_waits() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "clock", "arguments": "{}"}}
    action = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [call, "stray", {}]}}
    data = sse({**CHAT, "required_action": action}, "conversation.chat.requires_action")
    last = read(CozeAnswer, data)[2]
    assert last.finish == "tool_calls"
    assert last.tool_calls == (ToolCall("c1", "clock", "{}", signature="5/7", vendor="coze"),)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 5000, "msg": "internal"}, Overloaded),
        ({"code": 4013, "msg": "too fast"}, RateLimited),
        ({"code": 720702222, "msg": "no"}, ContentFiltered),
        (None, Overloaded),
    ],
)
def test_a_chat_that_failed_says_why(error: Any, kind: type[VendorError]) -> None:
    data = COZE[0] + sse({**CHAT, "last_error": error}, "conversation.chat.failed")
    with pytest.raises(kind):
        read(CozeAnswer, data)


def test_calls_of_ollama_keep_their_thinking_for_the_way_back() -> None:
    calls = [{"function": {"name": "clock", "arguments": {"at": n}}} for n in (1, 2)]
    lines = [
        {"message": {"content": "", "thinking": "hm"}},
        {"message": {"content": "", "tool_calls": calls}},
        {"message": {"content": ""}, "done": True, "done_reason": "stop"},
    ]
    _, _, last = read(OllamaAnswer, b"".join(orjson.dumps(line) + b"\n" for line in lines))
    assert last.finish == "tool_calls"
    assert [(call.id, call.arguments) for call in last.tool_calls] == [
        ("call_0", '{"at":1}'),
        ("call_1", '{"at":2}'),
    ]
    assert [(thought.text, thought.vendor) for thought in last.thoughts] == [("hm", "ollama")]
