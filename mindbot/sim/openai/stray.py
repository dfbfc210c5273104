"""Stray shapes that gateways and servers on this wire have been seen to send: legal or not, they come.

Each is a fault. Those of requests refuse what older servers and strict templates refuse; those of answers
put something odd into an answer that is whole but for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import orjson

from mindbot.domain.message import Json
from mindbot.sim.faults import FaultKind, kind
from mindbot.sim.models.conversation import ModelQuestion, ModelReply
from mindbot.sim.models.streams import Frame
from mindbot.sim.openai.errors import invalid

STRAY_KINDS: Mapping[str, FaultKind] = {
    "no-stream-options": kind(),  # `stream_options` is refused
    "roles-in-turns": kind(),  # two messages of one role in a row are refused, and a beginning without a user
    "think-tags": kind(),  # reasoning stands in the answer, between tags
    "null-choices": kind(),  # chunks with `choices: null`, in the middle and at the end
    "null-chunk": kind(),  # `data: null` in the middle
    "odd-usage": kind(),  # usage in another shape: words for numbers, a list of details
    "error-beside": kind(),  # in the middle an error beside `choices`; the answer ends as if nothing were
    "half-bytes": kind(),  # a character's bytes in two chunks
    "raw-control": kind(),  # control characters that are not escaped
    "json-and-done": kind(),  # a whole JSON answer, and the end marker of a stream behind it
    "error-in-200": kind(),  # an error's JSON under 200
}
_NULL = b"data: null\n\n"
_ESCAPE = b"\x1b"
_MARK = "\x02"


def refuse(body: Json, question: ModelQuestion, stray: Collection[str]) -> None:
    """Raise ModelApiError for what such a server does not take."""
    if "no-stream-options" in stray and "stream_options" in body:
        raise invalid("Unrecognized request argument supplied: stream_options", "stream_options")
    if "roles-in-turns" in stray:
        roles = [u.role for u in question.said if u.role != "system"]
        in_a_row = any(a == b and a != "tool" for a, b in pairwise(roles))
        if in_a_row or (roles and roles[0] != "user"):
            raise invalid("Conversation roles must alternate user/assistant/user/assistant/...")


def think_aloud(reply: ModelReply) -> None:
    """Put the reasoning into the answer, as models without a parser for it do."""
    if reply.reasoning:
        reply.text, reply.reasoning = f"<think>\n{reply.reasoning}\n</think>\n\n{reply.text}", ""


def odd_usage(spent: Json) -> Json:
    """Return a usage in a shape that nobody documents."""
    details = [{"type": "cached", "tokens": 0}]
    return {**spent, "completion_tokens": "a few", "prompt_tokens_details": details}


def strayed(frames: Iterable[Frame], stray: Collection[str], head: Json) -> Iterator[Frame]:
    """Yield a stream with what is odd about it."""
    spoken = 0
    for frame in frames:
        if frame.part == "spoken":
            spoken += 1
            if spoken == 2:
                yield from _between(stray, head)
            yield from _rewritten(frame, stray)
            continue
        if frame.part == "marker" and "null-choices" in stray:
            yield Frame(_event({**head, "choices": None}), "closing")
        if "odd-usage" in stray and frame.part == "closing":
            yield _with_odd_usage(frame)
            continue
        yield frame


def _between(stray: Collection[str], head: Json) -> Iterator[Frame]:
    if "null-choices" in stray:
        yield Frame(_event({**head, "choices": None}), "between")
    if "null-chunk" in stray:
        yield Frame(_NULL, "between")
    if "error-beside" in stray:
        choice = {"index": 0, "delta": {"content": ""}, "finish_reason": None}
        told = {"code": 502, "message": "Provider disconnected"}
        yield Frame(_event({**head, "error": told, "choices": [choice]}), "between")


def _rewritten(frame: Frame, stray: Collection[str]) -> Iterator[Frame]:
    """Yield the frames that a content chunk becomes."""
    text = _content(frame.data)
    if text is None or not {"half-bytes", "raw-control"} & set(stray):
        yield frame
        return
    before, after = _around(frame.data)
    written = orjson.dumps(text)[1:-1]
    cut = next((i + 1 for i, byte in enumerate(written) if byte >= 0xC0), 0)
    if "half-bytes" in stray and cut:
        yield Frame(before + written[:cut] + after)
        yield Frame(before + written[cut:] + after)
        return
    yield Frame(before + (_ESCAPE if "raw-control" in stray else b"") + written + after)


def _content(data: bytes) -> str | None:
    """Return the words of a content chunk."""
    delta = orjson.loads(data.removeprefix(b"data: "))["choices"][0]["delta"]
    text = delta.get("content")
    return text if isinstance(text, str) and text else None


def _around(data: bytes) -> tuple[bytes, bytes]:
    """Return a content chunk's bytes before and behind its words."""
    chunk: Any = orjson.loads(data.removeprefix(b"data: "))
    chunk["choices"][0]["delta"]["content"] = _MARK
    before, _, after = _event(chunk).partition(orjson.dumps(_MARK)[1:-1])
    return before, after


def _with_odd_usage(frame: Frame) -> Frame:
    chunk = orjson.loads(frame.data.removeprefix(b"data: "))
    if chunk.get("usage"):
        chunk["usage"] = odd_usage(chunk["usage"])
    return Frame(_event(chunk), frame.part)


def _event(value: object) -> bytes:
    return b"data: " + orjson.dumps(value) + b"\n\n"
