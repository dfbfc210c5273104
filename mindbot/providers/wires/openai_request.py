"""A request as OpenAI's chat completions take it, and as those who speak them with an accent do. Pure.

Source: OpenAI API reference, "Create chat completion".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mindbot.domain.chat import Attachment, ChatMessage, ChatRequest, Reasoning, Text
from mindbot.domain.message import Json
from mindbot.providers.shared.attachments import data_url, encoded

LimitField = Literal["max_tokens", "max_completion_tokens"]


@dataclass(frozen=True, slots=True)
class Accent:
    """How a vendor's chat completions differ from OpenAI's.

    ``vendor`` is whose thinking goes back to it. ``temperatures`` are the lowest and the highest that it
    takes; what is not above 0 has the fields of ``greedy`` beside it. ``extra`` goes with every request.
    """

    vendor: str = "openai"
    max_tokens_field: LimitField = "max_tokens"
    usage_in_streams: bool = True  # whether it has to be asked for
    bare_images: bool = False  # base64 alone in place of a ``data:`` URL
    thinking_back: bool = False  # ``reasoning_content`` goes back with the calls it led to
    user_field: str = "user"
    user_length: tuple[int, int] = (1, 0)  # characters, at least and at most; 0 for no limit
    temperatures: tuple[float, float] | None = None
    greedy: Mapping[str, Any] = field(default_factory=dict)
    chooses_tools: bool = True  # whether it can be told which tool to call
    extra: Mapping[str, Any] = field(default_factory=dict)


def request_body(request: ChatRequest, accent: Accent) -> Json:
    """Return the body of a call."""
    messages = [line for message in request.messages for line in _lines(message, accent)]
    body: Json = {"model": request.model, "messages": messages, **accent.extra}
    if request.temperature is not None:
        body |= _temperature(request.temperature, accent)
    if request.max_tokens is not None:
        body[accent.max_tokens_field] = request.max_tokens
    if request.tools and (accent.chooses_tools or request.tool_choice != "none"):
        body["tools"] = [{"type": "function", "function": tool.to_json()} for tool in request.tools]
        if (choice := request.tool_choice) and accent.chooses_tools:
            named = choice not in ("auto", "none", "required")
            body["tool_choice"] = {"type": "function", "function": {"name": choice}} if named else choice
    if request.user and accent.user_field:
        least, most = accent.user_length
        body[accent.user_field] = request.user.ljust(least, "_")[: most or None]
    if request.stream:
        body["stream"] = True
        if accent.usage_in_streams:
            body["stream_options"] = {"include_usage": True}
    return body


def _temperature(wanted: float, accent: Accent) -> Json:
    if accent.temperatures is None:
        return {"temperature": wanted}
    low, high = accent.temperatures
    return {"temperature": min(max(wanted, low), high), **(accent.greedy if wanted <= 0 else {})}


def _lines(message: ChatMessage, accent: Accent) -> Iterator[Json]:
    for result in message.results:
        yield {"role": "tool", "tool_call_id": result.id, "content": result.text}
    if message.role == "tool":
        return
    line: Json = {"role": message.role, "content": _content(message, accent)}
    if calls := message.tool_calls:
        line["content"] = line["content"] or None
        line["tool_calls"] = [
            {"type": "function", "id": c.id, "function": {"name": c.name, "arguments": c.arguments}}
            for c in calls
        ]
        if accent.thinking_back:
            thoughts = (part for part in message.parts if isinstance(part, Reasoning))
            if thought := "".join(part.text for part in thoughts if part.vendor == accent.vendor):
                line["reasoning_content"] = thought
    yield line


def _content(message: ChatMessage, accent: Accent) -> str | list[Json]:
    if not message.attachments:
        return "".join(part.text for part in message.parts if isinstance(part, Text))
    content: list[Json] = []
    for part in message.parts:
        if isinstance(part, Text) and part.text:
            content.append({"type": "text", "text": part.text})
        elif isinstance(part, Attachment):
            content.append(_attached(part, accent))
    return content


def _attached(part: Attachment, accent: Accent) -> Json:
    if part.kind == "image":
        bare = accent.bare_images and part.data
        return {"type": "image_url", "image_url": {"url": encoded(part) if bare else data_url(part)}}
    if part.kind == "audio":
        ending = {"audio/mpeg": "mp3", "audio/x-wav": "wav"}.get(part.type, part.type.partition("/")[2])
        return {"type": "input_audio", "input_audio": {"data": encoded(part), "format": ending}}
    return {"type": "file", "file": {"filename": part.name or "file", "file_data": data_url(part)}}
