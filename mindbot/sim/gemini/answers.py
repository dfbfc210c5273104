"""Answers of Gemini's generateContent, whole, as events, and as the array that comes without ``alt=sse``.

Source: "Generate content" in the reference of the Gemini API; what the official SDK reads. Each object of a
stream is a whole response with what is new; functions are called whole; the sums grow, and the last object
says why it ends. Nothing marks the end of the stream.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from mindbot.domain.message import Json
from mindbot.sim.gemini.contents import signature
from mindbot.sim.gemini.refusals import REFUSALS, error_for
from mindbot.sim.models.conversation import ModelReply, count_tokens, pieces
from mindbot.sim.models.streams import Frame, StreamShape
from mindbot.sim.server import dumped

_FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "calls": "STOP", "sequence": "STOP"}


@dataclass(frozen=True, slots=True)
class GeminiReply:
    """One answer. ``signed``: calls carry signatures, thoughts leave one behind."""

    id: str
    reply: ModelReply
    shows_thoughts: bool = False
    signed: bool = True

    @property
    def malformed(self) -> bool:
        """Whether a call is none: its arguments are no object."""
        return any(_arguments(call.arguments) is None for call in self.reply.calls)

    @property
    def finish(self) -> Json:
        """Why it ends."""
        if self.malformed:
            arguments = self.reply.calls[0].arguments
            return {
                "finishReason": "MALFORMED_FUNCTION_CALL",
                "finishMessage": f"Malformed call: {arguments}",
            }
        return {"finishReason": self.reply.finish or _FINISH[self.reply.why]}

    def usage(self, spoken: int, thought: int) -> Json:
        """Return the usage with so many tokens of answer and of thoughts."""
        reply = self.reply
        found: Json = {
            "promptTokenCount": reply.prompt_tokens,
            "candidatesTokenCount": spoken,
            "totalTokenCount": reply.prompt_tokens + spoken + thought,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": reply.prompt_tokens}],
        }
        if thought:
            found["thoughtsTokenCount"] = thought
        if reply.cached:
            found["cachedContentTokenCount"] = reply.cached
        return found

    def _object(self, parts: list[Json] | None, usage: Json, finish: Json | None = None) -> Json:
        candidate: Json = {"index": 0}
        if parts is not None:
            candidate["content"] = {"role": "model", "parts": parts}
        found: Json = {"candidates": [candidate | (finish or {})]}
        return found | {"usageMetadata": usage, "modelVersion": self.reply.model, "responseId": self.id}

    def _blocked(self) -> Json:
        """Return the answer to a request that the filter refuses: none, under 200."""
        feedback = {"blockReason": self.reply.blocked, "safetyRatings": _ratings(blocked=True)}
        usage = self.usage(0, 0)
        return {"promptFeedback": feedback, "usageMetadata": usage, "modelVersion": self.reply.model}

    def _calls(self) -> list[Json]:
        if self.malformed:
            return []
        found = []
        for i, call in enumerate(self.reply.calls):
            arguments = _arguments(call.arguments)
            part: Json = {"functionCall": {"id": call.id, "name": call.name, "args": arguments}}
            if self.signed and i == 0:  # the first of parallel ones carries it for all
                part["thoughtSignature"] = signature(call.name, arguments)
            found.append(part)
        return found

    @property
    def _mark(self) -> Json:
        """What a thought leaves behind in the last part of a text."""
        thought = self.signed and self.reply.reasoning and not self.reply.calls
        return {"thoughtSignature": signature(self.reply.reasoning)} if thought else {}

    def to_json(self) -> Json:
        reply = self.reply
        if reply.blocked:
            return self._blocked()
        parts: list[Json] = []
        if reply.reasoning and self.shows_thoughts:
            parts.append({"text": reply.reasoning, "thought": True})
        if reply.text:
            parts.append({"text": reply.text} | self._mark)
        parts += self._calls()
        finish = self.finish | ({"safetyRatings": _ratings(blocked=True)} if self._unsafe else {})
        usage = self.usage(reply.tokens - reply.reasoning_tokens, reply.reasoning_tokens)
        return self._object(parts or None, usage, finish)

    @property
    def _unsafe(self) -> bool:
        return self.reply.finish == "SAFETY"

    def objects(self) -> Iterator[tuple[Json, Any]]:
        """Yield the objects of the stream, each with what part of the answer it is."""
        reply, spoken, thought = self.reply, 0, 0
        if reply.blocked:
            yield self._blocked(), "closing"
            return
        if reply.reasoning and not self.shows_thoughts:
            thought = reply.reasoning_tokens
        for piece in pieces(reply.reasoning) if self.shows_thoughts else ():
            thought += 1
            yield self._object([{"text": piece, "thought": True}], self.usage(spoken, thought)), "spoken"
        for piece in pieces(reply.text):
            spoken += 1
            yield self._object([{"text": piece}], self.usage(spoken, thought)), "spoken"
        for part in self._calls():
            spoken += count_tokens(orjson.dumps(part["functionCall"]["args"]).decode())
            yield self._object([part], self.usage(spoken, thought)), "spoken"
        last = [{"text": ""} | self._mark]
        whole = self.usage(reply.tokens - reply.reasoning_tokens, reply.reasoning_tokens)
        yield self._object(last, whole, self.finish), "closing"

    def events(self) -> Iterator[Frame]:
        """Yield the stream as server-sent events."""
        for each, part in self.objects():
            yield Frame(b"data: %b\r\n\r\n" % dumped(each), part)

    def array(self) -> Iterator[Frame]:
        """Yield the stream as one JSON array."""
        opened = False
        for each, part in self.objects():
            yield Frame((b",\r\n" if opened else b"[") + dumped(each), part)
            opened = True
        yield Frame(b"\r\n]", "marker")


def _arguments(text: str) -> Any:
    """Return arguments as the object that they are; None when they are none."""
    try:
        found = orjson.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _ratings(*, blocked: bool) -> list[Json]:
    rating = {"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": blocked}
    return [rating]


def _error(code: str) -> bytes:
    """Word a failure in a stream: a refusal's name, or an HTTP status; overloaded by default."""
    if code in REFUSALS:
        return orjson.dumps(REFUSALS[code](0.0).body)
    return orjson.dumps(error_for(int(code) if code.isdigit() else 503))


EVENTS = StreamShape(
    lambda code: b"data: %b\r\n\r\n" % _error(code),
    bad_line=b'data: {"candidates": [{\r\n\r\n',
    odd=(
        b'data: {"candidates": [{"content": {}, "index": 0}]}\r\n\r\n',
        b'data: {"usageMetadata": {"promptTokenCount": 1}}\r\n\r\n',
        b'data: {"candidates": [{"content": {"role": "model", "parts": [{"news": {}}]}}]}\r\n\r\n',
    ),
)
ARRAY = StreamShape(
    lambda code: b",\r\n%b]" % _error(code),
    bad_line=b',\r\n{"candidates": [{',
    comment=b" ",
    odd=(),
    content_type="application/json; charset=utf-8",
)
