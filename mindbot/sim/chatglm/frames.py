"""An answer of GLM's, whole and streamed.

Sources: docs.z.ai "Chat Completion", zai-sdk 0.2.3. Usage comes with the chunk that has the finish reason,
unasked; without ``tool_stream`` a tool call comes whole in one delta; reasoning goes before the answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mindbot.domain.message import Json
from mindbot.sim.chatglm.errors import coded
from mindbot.sim.models.conversation import ModelCall, ModelReply, pieces
from mindbot.sim.models.streams import Frame, StreamShape
from mindbot.sim.server import dumped

_FINISH = {"stop": "stop", "length": "length", "calls": "tool_calls", "sequence": "stop"}
_ARGUMENT_PIECE = 5  # characters


def _sent(value: object) -> bytes:
    return b"data: " + dumped(value) + b"\n\n"


SHAPE = StreamShape(error=lambda code: _sent(coded(code or "1234")))


def finish(reply: ModelReply) -> str:
    """Return GLM's word for why an answer ends."""
    return reply.finish or _FINISH[reply.why]


def usage(reply: ModelReply) -> Json:
    """Return what an answer has used."""
    return {
        "prompt_tokens": reply.prompt_tokens,
        "completion_tokens": reply.tokens,
        "total_tokens": reply.prompt_tokens + reply.tokens,
        "prompt_tokens_details": {"cached_tokens": reply.cached},
        "completion_tokens_details": {"reasoning_tokens": reply.reasoning_tokens},
    }


def _call(call: ModelCall, index: int) -> Json:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "index": index, "type": "function", "function": function}


def completion(reply: ModelReply, head: Json) -> Json:
    """Return an answer that is not streamed; ``head`` holds id, created, model and request_id."""
    message: Json = {"role": "assistant", "content": reply.text}
    if reply.reasoning:
        message["reasoning_content"] = reply.reasoning
    if reply.calls:
        message["tool_calls"] = [_call(call, i) for i, call in enumerate(reply.calls)]
    choice = {"index": 0, "finish_reason": finish(reply), "message": message}
    return {**head, "choices": [choice], "usage": usage(reply), **_filter(reply)}


def _filter(reply: ModelReply) -> Json:
    sensitive = finish(reply) == "sensitive"
    return {"content_filter": [{"role": "assistant", "level": 1}]} if sensitive else {}


def frames(reply: ModelReply, head: Json, *, tool_stream: bool) -> Iterator[Frame]:
    """Yield the events of a stream."""

    def delta(value: Json) -> bytes:
        return _sent({**head, "choices": [{"index": 0, "delta": {"role": "assistant", **value}}]})

    for piece in pieces(reply.reasoning):
        yield Frame(delta({"reasoning_content": piece}))
    for piece in pieces(reply.text):
        yield Frame(delta({"content": piece}))
    for i, call in enumerate(reply.calls):
        if not tool_stream:
            yield Frame(delta({"tool_calls": [_call(call, i)]}))
            continue
        yield Frame(delta({"tool_calls": [_call(replace(call, arguments=""), i)]}))
        for at in range(0, len(call.arguments), _ARGUMENT_PIECE):
            piece = call.arguments[at : at + _ARGUMENT_PIECE]
            yield Frame(delta({"tool_calls": [{"index": i, "function": {"arguments": piece}}]}))
    last = {"index": 0, "finish_reason": finish(reply), "delta": {"role": "assistant", "content": ""}}
    yield Frame(_sent({**head, "choices": [last], "usage": usage(reply), **_filter(reply)}), "closing")
    yield Frame(b"data: [DONE]\n\n", "marker")
