"""A completion as server-sent events, in the ways of the vendors that speak this wire.

Source: "Streaming" in the chat completions reference: one ``data:`` line and a blank line an event; a role
chunk, content chunks, a finish chunk, with ``include_usage`` a usage chunk without choices, ``[DONE]``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mindbot.domain.message import Json
from mindbot.sim.faults import FaultKind, kind
from mindbot.sim.models.conversation import ModelCall, ModelReply, pieces
from mindbot.sim.models.streams import Frame, StreamShape
from mindbot.sim.openai.chat import finish, tool_call
from mindbot.sim.openai.completion import face_usage, reasoning_fields
from mindbot.sim.openai.faces import SimulatedFace
from mindbot.sim.openai.wording import in_stream
from mindbot.sim.server import dumped

#: Odd ways in which servers write the tool calls of a stream.
CALL_KINDS: Mapping[str, FaultKind] = {
    "no-index": kind(),  # no call has an index
    "equal-index": kind(),  # all calls have index 0
    "whole-calls": kind(),  # each call in one piece, its arguments not divided
    "mixed-calls": kind(),  # the pieces of parallel calls take turns
    "stop-reason": kind(),  # "stop" beside tool calls
}
_ARGUMENT_PIECE = 5  # characters
_DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """What a request wants of a stream, and the odd ways that strike it."""

    include_usage: bool = False
    usage_in_chunks: bool = False
    odd: Collection[str] = ()


def shape(face: SimulatedFace, head: Json) -> StreamShape:
    """Return how this face writes a stream."""
    return StreamShape(
        lambda code: in_stream(face, code, head), content_type="text/event-stream; charset=utf-8"
    )


def _sent(value: object) -> bytes:
    return b"data: " + dumped(value) + b"\n\n"


def frames(reply: ModelReply, head: Json, face: SimulatedFace, options: StreamOptions) -> Iterator[Frame]:
    """Yield the events of a stream; ``head`` holds id, created, model and the like."""
    base = {**head, **face.chunk, "object": "chat.completion.chunk"}
    spent = face_usage(reply, face)
    everywhere = face.usage == "chunks" or options.usage_in_chunks
    asked = face.usage == "always" or (face.usage == "asked" and options.include_usage)
    # The head and the tail of a content chunk never change: only the delta is encoded anew.
    before = dumped(base)[:-1] + b',"choices":[{"index":0,"delta":'
    choice = b"".join(b',"%b":%b' % (k.encode(), dumped(v)) for k, v in face.choice.items())
    after = b',"logprobs":null,"finish_reason":null' + choice + b"}]"
    after += b',"usage":' + dumped(spent) + b"}" if everywhere else b',"usage":null}' if asked else b"}"

    def delta(value: Any) -> bytes:
        return b"data: " + before + dumped(value) + after + b"\n\n"

    if face.comment:
        yield Frame(face.comment, "head")
    if face.first is not None:
        yield Frame(_sent({**base, "id": "", "created": 0, **face.first}), "head")
    yield Frame(delta({"role": "assistant", "content": "", "refusal": None}), "head")
    if face.reasoning:
        for piece in pieces(reply.reasoning):
            yield Frame(delta(reasoning_fields(piece, face)))
    for piece in pieces(reply.text):
        yield Frame(delta({"content": piece}))
    for call in _calls(reply.calls, options.odd):
        yield Frame(delta({"tool_calls": [call]}))
    yield Frame(_last(reply, base, face, options, spent if everywhere else None, asked), "closing")
    if asked:
        yield Frame(_sent({**base, "choices": [], "usage": spent}), "closing")
    yield Frame(_DONE, "marker")


def _last(
    reply: ModelReply,
    base: Json,
    face: SimulatedFace,
    options: StreamOptions,
    spent: Json | None,
    asked: bool,
) -> bytes:
    """Return the chunk that says why the answer ends."""
    reason = "stop" if "stop-reason" in options.odd and reply.calls else finish(reply)
    choice: Json = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": reason, **face.choice}
    if "native_finish_reason" in choice:
        choice["native_finish_reason"] = reason
    chunk: Json = {**base, "choices": [choice], **face.told(reply)}
    if face.usage == "choice":
        choice["usage"] = face_usage(reply, face)
    elif face.usage == "finish":
        chunk["usage"] = face_usage(reply, face)
    elif spent is not None:
        chunk["usage"] = spent
    elif asked:
        chunk["usage"] = None
    return _sent(chunk)


def _calls(calls: list[ModelCall], odd: Collection[str]) -> Iterator[Json]:
    """Yield the pieces of tool calls, in the order in which they are sent."""
    written = [list(_pieces(call, i, whole="whole-calls" in odd)) for i, call in enumerate(calls)]
    if "mixed-calls" in odd:
        longest = max((len(each) for each in written), default=0)
        ordered = [each[i] for i in range(longest) for each in written if i < len(each)]
    else:
        ordered = [piece for each in written for piece in each]
    for piece in ordered:
        if "no-index" in odd:
            del piece["index"]
        elif "equal-index" in odd:
            piece["index"] = 0
        yield piece


def _pieces(call: ModelCall, index: int, *, whole: bool) -> Iterator[Json]:
    if whole:
        yield {"index": index, **tool_call(call)}
        return
    yield {"index": index, **tool_call(replace(call, arguments=""))}
    for at in range(0, len(call.arguments), _ARGUMENT_PIECE):
        yield {"index": index, "function": {"arguments": call.arguments[at : at + _ARGUMENT_PIECE]}}
