"""OpenAI's chat completions, as data: request bodies out, answers and stream chunks in. Pure.

Source: OpenAI API reference, "Chat completions" and "Streaming". Servers that speak it with an accent are
understood: GLM (usage with the finish reason, ``sensitive``), vLLM (``reasoning``, usage on every chunk),
Ollama (argument objects, no call ids), llama.cpp.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from mindbot.domain.errors import ContentFiltered, ContextOverflow, Overloaded
from mindbot.domain.message import Json
from mindbot.domain.turn import ChatMessage, ChatRequest, Chunk
from mindbot.providers.errors import refusal_in_stream

#: What walking through JSON of an unexpected shape raises; JSONDecodeError is a ValueError.
_MISSHAPEN = (AttributeError, LookupError, TypeError, ValueError)
_FINISH = {
    "length": "length",
    "max_tokens": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "sensitive": "content_filter",
}


def request_body(request: ChatRequest, max_tokens_field: str) -> Json:
    """Return the body of a call; ``max_tokens_field`` is the name of the output limit."""
    body: Json = {"model": request.model, "messages": [_message(m) for m in request.messages]}
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.max_tokens is not None:
        body[max_tokens_field] = request.max_tokens
    if request.tools:
        body["tools"] = [{"type": "function", "function": tool} for tool in request.tools]
    if request.user:
        body["user"] = request.user
    if request.stream:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    return body


def _message(message: ChatMessage) -> Json:
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.tool_call_id, "content": message.content}
    if not message.tool_calls:
        return {"role": message.role, "content": message.content}
    calls = [
        {"type": "function", "id": c["id"], "function": {"name": c["name"], "arguments": c["arguments"]}}
        for c in message.tool_calls
    ]
    return {"role": message.role, "content": message.content or None, "tool_calls": calls}


class Answer:
    """One answer being put together, from stream chunks (`feed`) or whole (`whole`).

    ``complete`` is true once the vendor has said why it stopped; without that a stream was cut.
    """

    def __init__(self, vendor: str, *, hide: str = "") -> None:
        self._vendor = vendor
        self._hide = hide  # never shown, should the vendor echo it
        self._reason = ""
        self._usage: Json = {}
        self._calls: dict[int, Json] = {}
        self._spoke = False

    @property
    def complete(self) -> bool:
        return bool(self._reason)

    def feed(self, data: bytes) -> Chunk | None:
        """Take one stream chunk; return what can be shown of it.

        Raises:
            VendorError: it is an error object, or not a chunk at all.
        """
        try:
            doc = orjson.loads(data)
            if doc.get("usage"):
                self._usage = _usage(doc["usage"])
            choices = doc.get("choices")
            if choices:
                return self._take(choices[0].get("delta") or {}, choices[0].get("finish_reason"))
        except _MISSHAPEN:
            raise self._garbage() from None
        if choices is None or doc.get("error"):
            raise refusal_in_stream(self._vendor, doc, hide=self._hide)
        return None  # the usage chunk has no choices

    def whole(self, doc: Any) -> Chunk | None:
        """Take an answer that came in one piece; return its text. Raises like `feed`."""
        if not isinstance(doc, dict) or not doc.get("choices"):
            raise refusal_in_stream(self._vendor, doc, hide=self._hide)
        try:
            if doc.get("usage"):
                self._usage = _usage(doc["usage"])
            choice = doc["choices"][0]
            return self._take(choice.get("message") or {}, choice.get("finish_reason") or "stop")
        except _MISSHAPEN:
            raise self._garbage() from None

    def end(self) -> Chunk:
        """Return the last chunk: finish, usage and the tool calls.

        Raises:
            ContentFiltered, ContextOverflow, Overloaded: the vendor stopped before it said anything.
        """
        calls = [self._calls[i] for i in sorted(self._calls)]
        if not (self._spoke or calls):
            self._explain_silence()
        finish = "tool_calls" if calls else _FINISH.get(self._reason, "stop")
        if self._reason == "model_context_window_exceeded":
            finish = "length"
        return Chunk(tool_calls=calls, finish=finish, usage=self._usage)

    def _take(self, said: Json, reason: str | None) -> Chunk | None:
        if reason:
            self._reason = str(reason)
        if calls := said.get("tool_calls"):
            self._join(calls)
        text = _text(said.get("content") or said.get("refusal"))
        reasoning = _text(said.get("reasoning_content") or said.get("reasoning"))
        if not (text or reasoning):
            return None
        self._spoke = self._spoke or bool(text)
        return Chunk(text=text, reasoning=reasoning)

    def _join(self, fragments: Sequence[Json]) -> None:
        """Join fragments of calls by their index; the first one of a call has its id and name."""
        for position, fragment in enumerate(fragments):
            index = int(fragment.get("index", position))
            call = self._calls.setdefault(index, {"id": f"call_{index}", "name": "", "arguments": ""})
            function = fragment.get("function") or {}
            if fragment.get("id"):
                call["id"] = str(fragment["id"])
            if function.get("name"):
                call["name"] = str(function["name"])
            arguments = function.get("arguments") or ""
            if not isinstance(arguments, str):
                arguments = orjson.dumps(arguments).decode()
            call["arguments"] += arguments

    def _garbage(self) -> Overloaded:
        return Overloaded(
            f"{self._vendor}: answered with something that is not a chat completion", code="garbage"
        )

    def _explain_silence(self) -> None:
        match self._reason:
            case "content_filter" | "sensitive":
                raise ContentFiltered(f"{self._vendor}: refused to answer", code=self._reason)
            case "model_context_window_exceeded":
                raise ContextOverflow(f"{self._vendor}: the prompt leaves no room", code=self._reason)
            case "network_error":  # GLM
                raise Overloaded(f"{self._vendor}: failed while answering", code=self._reason)


def _text(content: Any) -> str:
    """Return the text of a content: a string, a list of parts, or nothing."""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content or ())


def _usage(usage: Json) -> Json:
    """Return usage in our words; details the vendor does not tell are left out."""
    out = {
        "input_tokens": int(usage.get("prompt_tokens") or 0),
        "output_tokens": int(usage.get("completion_tokens") or 0),
    }
    if cached := (usage.get("prompt_tokens_details") or {}).get("cached_tokens"):
        out["cached_tokens"] = int(cached)
    if reasoning := (usage.get("completion_tokens_details") or {}).get("reasoning_tokens"):
        out["reasoning_tokens"] = int(reasoning)
    return out
