"""A completion as server-sent events.

Source: "Streaming" in the chat completions reference: one ``data:`` line and a blank line an event; a role
chunk, content chunks, a finish chunk, with ``include_usage`` a usage chunk without choices, ``[DONE]``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson

from mindbot.domain.message import Json
from mindbot.sim.models.conversation import ModelReply, pieces
from mindbot.sim.models.streams import Frame, StreamShape
from mindbot.sim.openai.chat import finish, tool_call, usage
from mindbot.sim.openai.errors import error_for

_DONE = b"data: [DONE]\n\n"
_ARGUMENT_PIECE = 5  # characters


def _error(code: str) -> bytes:
    return b"data: " + orjson.dumps(error_for(500, code)) + b"\n\n"


SHAPE = StreamShape(_error, content_type="text/event-stream; charset=utf-8")


def frames(reply: ModelReply, head: Json, include_usage: bool) -> Iterator[Frame]:
    """Yield the events of a stream; ``head`` holds id, created, model and the like."""
    base = {**head, "object": "chat.completion.chunk"}
    # The head and the tail of a content chunk never change: only the delta is encoded anew.
    before = orjson.dumps(base)[:-1] + b',"choices":[{"index":0,"delta":'
    after = b',"logprobs":null,"finish_reason":null}]' + (b',"usage":null}' if include_usage else b"}")

    def delta(value: Any) -> bytes:
        return b"data: " + before + orjson.dumps(value) + after + b"\n\n"

    yield Frame(delta({"role": "assistant", "content": "", "refusal": None}), "head")
    for piece in pieces(reply.reasoning):
        yield Frame(delta({"reasoning_content": piece}))
    for piece in pieces(reply.text):
        yield Frame(delta({"content": piece}))
    for i, call in enumerate(reply.calls):
        arguments = call.arguments
        first = {"index": i, **tool_call(replace(call, arguments=""))}
        yield Frame(delta({"tool_calls": [first]}))
        for at in range(0, len(arguments), _ARGUMENT_PIECE):
            part = {"index": i, "function": {"arguments": arguments[at : at + _ARGUMENT_PIECE]}}
            yield Frame(delta({"tool_calls": [part]}))
    last: Json = {
        **base,
        "choices": [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": finish(reply)}],
    }
    if include_usage:
        last["usage"] = None
    yield Frame(b"data: " + orjson.dumps(last) + b"\n\n", "closing")
    if include_usage:
        yield Frame(
            b"data: " + orjson.dumps({**base, "choices": [], "usage": usage(reply)}) + b"\n\n", "closing"
        )
    yield Frame(_DONE, "marker")
