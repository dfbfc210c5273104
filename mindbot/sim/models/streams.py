"""Streamed answers, whole or broken on purpose: events of any framing, and the faults that all know."""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import anyio
import anyio.lowlevel
from aiohttp import web

from mindbot.sim.faults import Fault, FaultKind, kind

#: Faults of a stream; ``after`` counts the content chunks sent before.
STREAM_KINDS: Mapping[str, FaultKind] = {
    "cut-stream": kind(chunks=True),  # the connection breaks
    "cut-event": kind(chunks=True),  # it breaks in the middle of an event
    "cut-events": kind(chunks=True),  # it breaks after so many events of any kind
    "end-events": kind(chunks=True),  # the stream ends after them without a word
    "no-body": kind(),  # it breaks behind the headers
    "end-early": kind(chunks=True),  # it ends well formed, but without a finish reason and its end marker
    "stall": kind(chunks=True),  # nothing more comes, and the connection stays open
    "endless": kind(chunks=True),  # the same chunk comes again and again, as long as somebody reads
    "error-in-stream": kind("code", chunks=True),  # an error event after the 200, then the end
    "bad-line": kind(chunks=True),  # an event that is no JSON, then the stream goes on
    "pause": kind(takes_duration=True, chunks=True),  # so long nothing, then the stream goes on
    "odd-events": kind(),  # harmless events that no document knows, one before each chunk in turn
    "no-space": kind(),  # no blank behind the colons of the framing
    "drip": kind(takes_duration=True),  # byte by byte, so long apart
    "no-done": kind(),  # everything but the end marker
    "split": kind(),  # bytes in pieces that respect neither events nor characters
    "comments": kind(),  # keep-alive comment lines between events
    "crlf": kind(),  # lines end with CR LF
}
#: Faults of simulators whose runs go on whoever listens.
GATEWAY_KINDS: Mapping[str, FaultKind] = {
    "gateway-504": kind("status", takes_duration=True),  # the run began; after so long a proxy's page
}
#: Faults of an answer that is not streamed.
WHOLE_KINDS: Mapping[str, FaultKind] = {
    "cut-body": kind(),  # the connection breaks half way
    "huge": kind("mb"),  # blanks before the answer: so many megabytes (200)
}
#: Faults of both, for simulators that offer them: see `mindbot.sim.models.server.ModelSimulator`.
ODD_KINDS: Mapping[str, FaultKind] = {
    "other-framing": kind(),  # streamed where no stream was asked for, and the other way round
    "half-surrogates": kind(),  # an emoji is written, and cut, as the two halves that UTF-16 has
}
_ENDINGS = ("cut-stream", "cut-event", "end-early", "stall", "endless", "error-in-stream")
_FRAMING = re.compile(rb"^((?:data|event):) ", re.MULTILINE)
_BREAKS = ("cut-stream", "cut-event")
_COUNTED = ("cut-events", "end-events")


@dataclass(slots=True)
class Frame:
    """An event ready to send, and what part of the answer it is.

    ``head`` stands before everything and is never left out, ``spoken`` is a content chunk, ``between``
    belongs to none of them, ``closing`` says why the answer ends, ``marker`` that it has ended.
    """

    data: bytes
    part: Literal["head", "spoken", "between", "closing", "marker"] = "spoken"


@dataclass(frozen=True, slots=True)
class StreamShape:
    """How a vendor writes a stream: ``error`` words a failure by its code or name, ("": any)."""

    error: Callable[[str], bytes]
    bad_line: bytes = b'data: {"broken": \n\n'
    comment: bytes = b": keep-alive\n\n"
    odd: tuple[bytes, ...] = (b"data: null\n\n", b"data: {}\n\n", b'event: news\ndata: {"type":"news"}\n\n')
    content_type: str = "text/event-stream"


def shreds(data: bytes) -> Iterator[bytes]:
    """Yield the bytes in pieces of 1 to 7, across events and characters."""
    at, size = 0, 1
    while at < len(data):
        yield data[at : at + size]
        at += size
        size = size % 7 + 1


async def play(
    response: web.StreamResponse,
    frames: Iterable[Frame] | AsyncIterable[Frame],
    shape: StreamShape,
    struck: Mapping[str, Fault],
    pause: float,
) -> bool:
    """Send the events, ``pause`` seconds before each content chunk, with the faults that struck.

    Returns False when the connection must break now.
    """
    if "no-body" in struck:
        return False
    ending = next((struck[name] for name in _ENDINGS if name in struck), None)
    limit = ending.count("after", 0) if ending else 0
    counted = next((struck[name] for name in _COUNTED if name in struck), None)
    left = counted.count("after", 0) if counted else -1
    sent = 0
    if counted and not left:
        return counted.kind != "cut-events"
    async for frame in _each(frames):
        if ending and frame.part != "head" and (sent >= limit or frame.part in ("closing", "marker")):
            return await _end(response, frame, shape, struck, ending)
        if frame.part == "marker" and "no-done" in struck:
            break
        if frame.part == "spoken":
            await _interrupt(response, shape, struck, sent)
            if pause:
                await anyio.sleep(pause)
            sent += 1
        await _write(response, frame.data, shape, struck)
        if counted and frame.data != shape.comment:
            left -= 1
            if not left:
                return counted.kind != "cut-events"
    return True


async def _each(frames: Iterable[Frame] | AsyncIterable[Frame]) -> AsyncIterator[Frame]:
    if isinstance(frames, AsyncIterable):
        async for frame in frames:
            yield frame
        return
    for frame in frames:
        yield frame


async def _interrupt(
    response: web.StreamResponse, shape: StreamShape, struck: Mapping[str, Fault], sent: int
) -> None:
    """Do what comes between two content chunks; the stream goes on."""
    if (gap := struck.get("pause")) and gap.count("after", 0) == sent:
        await anyio.sleep(gap.seconds)
    if (bad := struck.get("bad-line")) and bad.count("after", 0) == sent:
        await _write(response, shape.bad_line, shape, struck)
    if "odd-events" in struck and shape.odd:
        await _write(response, shape.odd[sent % len(shape.odd)], shape, struck)


async def _end(
    response: web.StreamResponse, frame: Frame, shape: StreamShape, struck: Mapping[str, Fault], ending: Fault
) -> bool:
    """Break a stream off in the way of the fault, before ``frame``; returns False to break the connection."""
    match ending.kind:
        case "cut-event":
            await response.write(frame.data[: len(frame.data) // 2])
        case "stall":
            await anyio.sleep_forever()
        case "endless":
            while True:
                await _write(response, frame.data, shape, struck)
                await anyio.sleep(0.001)
        case "error-in-stream":
            await response.write(shape.error(ending.options.get("code", "")))
    return ending.kind not in _BREAKS


async def _write(
    response: web.StreamResponse, data: bytes, shape: StreamShape, struck: Mapping[str, Fault]
) -> None:
    if "comments" in struck:
        data = shape.comment + data
    if "no-space" in struck:
        data = _FRAMING.sub(rb"\1", data)
    if "crlf" in struck:
        data = data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    if drip := struck.get("drip"):
        for byte in data:
            await response.write(bytes((byte,)))
            await anyio.sleep(drip.seconds)
    elif "split" in struck:
        for shred in shreds(data):
            await response.write(shred)
            await anyio.lowlevel.checkpoint()  # let the socket send it by itself
    else:
        await response.write(data)
