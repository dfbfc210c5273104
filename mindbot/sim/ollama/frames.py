"""An answer as Ollama writes it: one JSON object a line, or a single one.

Source: docs/api.md ("Generate a chat completion"); durations are nanoseconds. Tool calls come whole in a
line of their own that is not the last, with their arguments as an object; the last line's ``done_reason``
is "stop" even then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from mindbot.domain.message import Json
from mindbot.sim.models.conversation import ModelCall, ModelReply, pieces
from mindbot.sim.models.streams import Frame, StreamShape
from mindbot.sim.ollama.errors import worded
from mindbot.sim.server import dumped

_A_TOKEN = 20_000_000  # nanoseconds, for durations that somebody may divide by


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """What the last line tells. ``load_seconds`` is how long the model took to load."""

    prompt_tokens: int
    completion_tokens: int
    load_seconds: float = 0.0
    cached: bool = False  # the prompt was in the cache: its count is left out

    def fields(self) -> Json:
        load = int(self.load_seconds * 1e9) + 1_000_000
        prompt = {"prompt_eval_count": self.prompt_tokens}
        read, wrote = self.prompt_tokens * _A_TOKEN // 10, self.completion_tokens * _A_TOKEN
        return {
            "total_duration": load + read + wrote,
            "load_duration": load,
            **({} if self.cached else prompt),
            "prompt_eval_duration": read,
            "eval_count": self.completion_tokens,
            "eval_duration": wrote,
        }


def now() -> str:
    """Return the time as Ollama writes it."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def tool_calls(calls: Sequence[ModelCall], *, with_ids: bool) -> list[Json]:
    """Return tool calls in Ollama's form; newer builds add an id and an index."""
    shaped = []
    for index, call in enumerate(calls):
        function: Json = {"name": call.name, "arguments": arguments(call.arguments)}
        if with_ids:
            function = {"index": index, **function}
        shaped.append({**({"id": call.id} if with_ids else {}), "function": function})
    return shaped


def arguments(given: Any) -> Json:
    """Return arguments as an object: Ollama parses what a model writes, and knows no broken ones."""
    if isinstance(given, dict):
        return given
    try:
        found = orjson.loads(given or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def line(model: str, message: Json, **more: Any) -> Json:
    """Return one object of an answer."""
    done = bool(more.get("done"))
    return {
        "model": model,
        "created_at": now(),
        "message": {"role": "assistant", **message},
        "done": done,
        **more,
    }


def whole(reply: ModelReply, calls: list[Json], spent: Durations) -> Json:
    """Return an answer that is not streamed."""
    said: Json = {"content": reply.text}
    if reply.reasoning:
        said["thinking"] = reply.reasoning
    if calls:
        said["tool_calls"] = calls
    return line(reply.model, said, done=True, done_reason=_reason(reply), **spent.fields())


def stream(reply: ModelReply, calls: list[Json], spent: Durations) -> Iterator[Frame]:
    """Yield the lines of a stream."""
    for piece in pieces(reply.reasoning):
        yield _framed(line(reply.model, {"content": "", "thinking": piece}))
    for piece in pieces(reply.text):
        yield _framed(line(reply.model, {"content": piece}))
    if calls:
        yield _framed(line(reply.model, {"content": "", "tool_calls": calls}))
    last = line(reply.model, {"content": ""}, done=True, done_reason=_reason(reply), **spent.fields())
    yield Frame(dumped(last) + b"\n", "closing")


def _reason(reply: ModelReply) -> str:
    return reply.finish or ("length" if reply.why == "length" else "stop")


def _framed(value: Json) -> Frame:
    return Frame(dumped(value) + b"\n")


#: Lines of JSON have no comments and no end marker; an error is a line of its own.
SHAPE = StreamShape(
    error=lambda code: dumped(worded(500, code)) + b"\n",
    bad_line=b'{"broken": \n',
    comment=b"",
    odd=(b"null\n", b"{}\n"),
    content_type="application/x-ndjson",
)
