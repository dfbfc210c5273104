"""Ollama's own chat, as data: requests out, lines of JSON in. Pure.

Source: ollama/ollama, docs/api.md ("Generate a chat completion", "Generate embeddings"), api/types.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import orjson

from mindbot.domain.chat import ChatMessage, ChatRequest, Chunk, Reasoning, Usage
from mindbot.domain.message import Json
from mindbot.domain.ports.answering import Embedding
from mindbot.providers.errors import accuses, refusal_in_stream
from mindbot.providers.shared.answer import AnswerReader
from mindbot.providers.shared.attachments import encoded
from mindbot.providers.shared.counts import count
from mindbot.providers.shared.embedding import numbers
from mindbot.providers.wires.openai_parts import words

VENDOR = "ollama"


def request_body(request: ChatRequest, *, num_ctx: int = 0, more: Mapping[str, Any]) -> Json:
    """Return the body of a call; ``more`` stands in it as it is.

    A prompt that does not fit is to be refused, not cut without a word as Ollama does by default.
    """
    options = {
        "num_ctx": num_ctx or None,
        "num_predict": request.max_tokens,
        "temperature": request.temperature,
    }
    body: Json = {
        "model": request.model,
        "messages": [line for message in request.messages for line in _lines(message)],
        "stream": request.stream,
        "truncate": False,
        **more,
    }
    if told := {name: value for name, value in options.items() if value is not None}:
        body["options"] = told
    if request.tools and request.tool_choice != "none":  # it knows no other choice
        body["tools"] = [{"type": "function", "function": tool.to_json()} for tool in request.tools]
    return body


def _lines(message: ChatMessage) -> Iterator[Json]:
    for result in message.results:
        yield {"role": "tool", "tool_name": result.name, "content": result.text}
    if message.role == "tool":
        return
    line: Json = {"role": message.role, "content": "" if message.results else message.content}
    if images := [encoded(part) for part in message.attachments if part.kind == "image"]:
        line["images"] = images
    if calls := message.tool_calls:
        line["tool_calls"] = [
            {"function": {"name": call.name, "arguments": _object(call.arguments)}} for call in calls
        ]
        thoughts = (part for part in message.parts if isinstance(part, Reasoning))
        if thought := "".join(part.text for part in thoughts if part.vendor == VENDOR):
            line["thinking"] = thought
    yield line


def _object(arguments: str) -> Json:
    """Return arguments as an object: Ollama takes nothing else."""
    try:
        found = orjson.loads(arguments or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


class OllamaAnswer(AnswerReader):
    """An answer, whole or a line at a time."""

    what: ClassVar[str] = "an answer of Ollama's"

    def __init__(self, vendor: str, **more: Any) -> None:
        super().__init__(vendor, keeps=VENDOR, **more)

    def take(self, doc: Any, *, streamed: bool = False) -> Chunk | None:
        """Take a line; see `AnswerReader.take`."""
        if not isinstance(doc, dict):
            self.unread += doc is not None
            return None
        if accuses(doc):
            raise refusal_in_stream(self.vendor, doc, hide=self.hide)
        message = doc.get("message")
        if not isinstance(message, dict):
            self.unread += "done" not in doc
            message = {}
        if calls := message.get("tool_calls"):
            self.aside(self.calls.feed(calls))
        told, more = words(message.get("content")), words(message.get("thinking"))
        self.unread += told.left_out or more.left_out
        chunk = self.say(told.said, told.thought + more.said)
        if doc.get("done") is True:
            self.over = True
            self.usage = _usage(doc) or self.usage
            self.ends(doc.get("done_reason") or "stop")
        return chunk


def _usage(doc: Json) -> Usage | None:
    """Return usage; the prompt is not counted where it was cached."""
    asked, told = count(doc.get("prompt_eval_count")), count(doc.get("eval_count"))
    return None if asked is None and told is None else Usage(asked or 0, told or 0)


def vectors(doc: Any) -> Embedding:
    """Return the vectors of an answer."""
    found = doc.get("embeddings") if isinstance(doc, dict) else None
    asked = count(doc.get("prompt_eval_count")) if isinstance(doc, dict) else None
    each = [numbers(vector) for vector in found] if isinstance(found, list) else []
    return Embedding(each, None if asked is None else Usage(asked, 0))
