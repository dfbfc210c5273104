"""A completion as server-sent events, whole or broken on purpose.

Source: "Streaming" in the chat completions reference: one ``data:`` line and a blank line an event; a role
chunk, content chunks, a finish chunk, with ``include_usage`` a usage chunk without choices, ``[DONE]``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import anyio
import anyio.lowlevel
import orjson
from aiohttp import web

from mindbot.domain.message import Json
from mindbot.sim.faults import Fault, FaultKind, kind
from mindbot.sim.openai.chat import ChatCompletion, pieces
from mindbot.sim.openai.errors import error_for

#: Faults of a stream; ``after`` counts the content chunks sent before.
STREAM_KINDS: Mapping[str, FaultKind] = {
    "cut-stream": kind(chunks=True),  # the connection breaks
    "end-early": kind(chunks=True),  # the answer ends well formed, but without finish_reason and [DONE]
    "stall": kind(chunks=True),  # nothing more comes, and the connection stays open
    "error-in-stream": kind("code", chunks=True),  # an error event after the 200, then the end
    "no-done": kind(),  # everything but [DONE]
    "split": kind(),  # bytes in pieces that respect neither events nor characters
    "comments": kind(),  # keep-alive comment lines between events
    "crlf": kind(),  # lines end with CR LF
}
_ENDINGS = ("cut-stream", "end-early", "stall", "error-in-stream")
_DONE = b"data: [DONE]\n\n"
_ARGUMENT_PIECE = 5  # characters


@dataclass(slots=True)
class Frame:
    """An event ready to send; ``spoken`` says that it counts as a content chunk."""

    data: bytes
    spoken: bool = False


def frames(completion: ChatCompletion, head: Json, include_usage: bool) -> Iterator[Frame]:
    """Yield the events of a stream; ``head`` holds id, created, model and the like."""
    base = {**head, "object": "chat.completion.chunk"}
    # The head and the tail of a content chunk never change: only the delta is encoded anew.
    before = orjson.dumps(base)[:-1] + b',"choices":[{"index":0,"delta":'
    after = b',"logprobs":null,"finish_reason":null}]' + (b',"usage":null}' if include_usage else b"}")

    def delta(value: Any) -> bytes:
        return b"data: " + before + orjson.dumps(value) + after + b"\n\n"

    yield Frame(delta({"role": "assistant", "content": "", "refusal": None}))
    for piece in pieces(completion.reasoning):
        yield Frame(delta({"reasoning_content": piece}), spoken=True)
    for piece in pieces(completion.text):
        yield Frame(delta({"content": piece}), spoken=True)
    for i, call in enumerate(completion.tool_calls):
        arguments = call["function"]["arguments"]
        first = {**call, "index": i, "function": {**call["function"], "arguments": ""}}
        yield Frame(delta({"tool_calls": [first]}), spoken=True)
        for at in range(0, len(arguments), _ARGUMENT_PIECE):
            part = {"index": i, "function": {"arguments": arguments[at : at + _ARGUMENT_PIECE]}}
            yield Frame(delta({"tool_calls": [part]}), spoken=True)
    finish: Json = {
        **base,
        "choices": [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": completion.finish}],
    }
    if include_usage:
        finish["usage"] = None
    yield Frame(b"data: " + orjson.dumps(finish) + b"\n\n")
    if include_usage:
        yield Frame(b"data: " + orjson.dumps({**base, "choices": [], "usage": completion.usage}) + b"\n\n")
    yield Frame(_DONE)


def shreds(data: bytes) -> Iterator[bytes]:
    """Yield the bytes in pieces of 1 to 7, across events and characters."""
    at, size = 0, 1
    while at < len(data):
        yield data[at : at + size]
        at += size
        size = size % 7 + 1


async def play(
    response: web.StreamResponse, events: Iterable[Frame], struck: Mapping[str, Fault], pause: float
) -> bool:
    """Send the events, ``pause`` seconds before each content chunk, with the faults that struck.

    Returns False when the connection must break now.
    """
    ending = next((struck[name] for name in _ENDINGS if name in struck), None)
    limit = ending.count("after", 0) if ending else 0
    sent = 0
    for number, frame in enumerate(events):
        if ending and number and (sent == limit or not frame.spoken):
            return await _end(response, ending)
        if frame.data is _DONE and "no-done" in struck:
            break
        if pause and frame.spoken:
            await anyio.sleep(pause)
        await _write(response, frame.data, struck)
        sent += frame.spoken
    return True


async def _end(response: web.StreamResponse, ending: Fault) -> bool:
    """Break a stream off in the way of the fault; returns False when the connection must break."""
    match ending.kind:
        case "stall":
            await anyio.sleep_forever()
        case "error-in-stream":
            body = error_for(500, ending.options.get("code", ""))
            await response.write(b"data: " + orjson.dumps(body) + b"\n\n")
    return ending.kind != "cut-stream"


async def _write(response: web.StreamResponse, data: bytes, struck: Mapping[str, Fault]) -> None:
    if "comments" in struck:
        data = b": keep-alive\n\n" + data
    if "crlf" in struck:
        data = data.replace(b"\n", b"\r\n")
    if "split" not in struck:
        await response.write(data)
        return
    for shred in shreds(data):
        await response.write(shred)
        await anyio.lowlevel.checkpoint()  # let the socket send it by itself
