"""Answers of Anthropic's Messages API, whole and as events.

Source: "Messages", "Streaming Messages", "Extended thinking" and "Prompt caching" in the documentation; what
the official SDK reads. Every event has its name in an ``event:`` line and again as its ``type``. Usage is
told twice, at the beginning with the input, at the end with the sums.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from mindbot.domain.message import Json
from mindbot.sim.anthropic.blocks import signature
from mindbot.sim.anthropic.refusals import REFUSALS, error, error_for
from mindbot.sim.models.conversation import ModelReply, pieces
from mindbot.sim.models.streams import Frame, StreamShape
from mindbot.sim.server import dumped

_STOP = {"stop": "end_turn", "length": "max_tokens", "calls": "tool_use", "sequence": "stop_sequence"}
_ARGUMENT_PIECE = 5  # characters
_CATEGORIES = ("cyber", "bio", "frontier_llm", "reasoning_extraction", "general_harms")


@dataclass(frozen=True, slots=True)
class Caching:
    """Tokens of a request that were written to the prompt cache, and read from it."""

    written: int = 0
    read: int = 0


@dataclass(frozen=True, slots=True)
class AnthropicReply:
    """One answer. ``shown`` is false where thoughts are left out and their signature stays."""

    id: str
    reply: ModelReply
    caching: Caching
    shown: bool = True

    @property
    def stop_reason(self) -> str:
        if self.reply.blocked:
            return "refusal"
        return self.reply.finish or _STOP[self.reply.why]

    @property
    def stop(self) -> Json:
        """Why it ends."""
        details = None
        if self.stop_reason == "refusal":
            category = self.reply.blocked if self.reply.blocked in _CATEGORIES else None
            details = {"type": "refusal", "category": category, "explanation": None}
        return {
            "stop_reason": self.stop_reason,
            "stop_sequence": self.reply.stopped_by or None,
            "stop_details": details,
        }

    @property
    def input_usage(self) -> Json:
        written, read = self.caching.written, self.caching.read
        return {
            "input_tokens": self.reply.prompt_tokens - written - read,
            "cache_creation_input_tokens": written,
            "cache_read_input_tokens": read,
        }

    def usage(self, output: int) -> Json:
        """Return the usage with so many tokens of output."""
        written = self.caching.written
        return {
            **self.input_usage,
            "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0},
            "output_tokens": output,
            "output_tokens_details": {"thinking_tokens": self.reply.reasoning_tokens},
            "server_tool_use": None,
            "service_tier": "standard",
        }

    @property
    def content(self) -> list[Json]:
        """The blocks, whole."""
        reply = self.reply
        found: list[Json] = []
        if reply.reasoning:
            thinking = reply.reasoning if self.shown else ""
            found.append({"type": "thinking", "thinking": thinking, "signature": signature(thinking)})
        if reply.text and not reply.blocked:
            found.append({"type": "text", "text": reply.text})
        return found + [
            {"type": "tool_use", "id": call.id, "name": call.name, "input": _object(call.arguments)}
            for call in reply.calls
        ]

    def to_json(self) -> Json:
        return {
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "model": self.reply.model,
            "content": self.content,
            **self.stop,
            "usage": self.usage(self.reply.tokens),
        }

    def frames(self) -> Iterator[Frame]:
        """Yield the events of the stream."""
        begin = {
            **self.to_json(),
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": self.usage(1),
        }
        begin.pop("stop_details")
        yield _frame({"type": "message_start", "message": begin}, "head")
        yield _frame({"type": "ping"}, "between")
        arguments = iter(call.arguments for call in self.reply.calls)
        for i, block in enumerate(self.content):
            empty, deltas = _deltas(block, arguments)
            yield _frame({"type": "content_block_start", "index": i, "content_block": empty}, "between")
            for delta in deltas:
                part = "between" if delta["type"] == "signature_delta" else "spoken"
                yield _frame({"type": "content_block_delta", "index": i, "delta": delta}, part)
            yield _frame({"type": "content_block_stop", "index": i}, "between")
        sums = {**self.input_usage, "output_tokens": self.reply.tokens, "server_tool_use": None}
        sums["output_tokens_details"] = {"thinking_tokens": self.reply.reasoning_tokens}
        end = {"type": "message_delta", "delta": {**self.stop, "container": None}, "usage": sums}
        yield _frame(end, "closing")
        yield _frame({"type": "message_stop"}, "marker")


def _object(arguments: str) -> Any:
    """Return arguments as the object that they are sent as; what is none stands in one."""
    try:
        found = orjson.loads(arguments)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"INVALID_JSON": arguments}


def _deltas(block: Json, arguments: Iterator[str]) -> tuple[Json, list[Json]]:
    """Return the empty block with which a block begins, and its pieces."""
    match block["type"]:
        case "thinking":
            shown = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(block["thinking"])]
            signed = {"type": "signature_delta", "signature": block["signature"]}
            return {**block, "thinking": "", "signature": ""}, [*shown, signed]
        case "tool_use":
            text = next(arguments)
            cut = [text[i : i + _ARGUMENT_PIECE] for i in range(0, len(text), _ARGUMENT_PIECE)]
            parts = ["", *(cut if text != "{}" else ())]  # no arguments: nothing but the empty piece
            return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": p} for p in parts]
    return {**block, "text": ""}, [{"type": "text_delta", "text": piece} for piece in pieces(block["text"])]


def _event(event: Json) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (event["type"].encode(), dumped(event))


def _frame(event: Json, part: Any) -> Frame:
    return Frame(_event(event), part)


def _error(code: str) -> bytes:
    """Word a failure in a stream: a refusal's name, or an HTTP status; overloaded by default."""
    if code in REFUSALS:
        body = REFUSALS[code](0.0).body
    else:
        body = error_for(int(code)) if code.isdigit() else error("overloaded_error", "Overloaded")
    return _event({**body, "request_id": "req_simulated"})


SHAPE = StreamShape(
    _error,
    bad_line=b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":\n\n',
    comment=b'event: ping\ndata: {"type": "ping"}\n\n: keep-alive\n\n',
    odd=(
        b'event: content_block_news\ndata: {"type":"content_block_news","index":0}\n\n',
        b'event: message_news\ndata: {"type":"message_news","message":null}\n\n',
    ),
    content_type="text/event-stream; charset=utf-8",
)
