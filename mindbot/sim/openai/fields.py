"""The fields of OpenAI's requests with their types; null is taken for a field left out."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from mindbot.sim.models.shapes import RequestShape


class _Image(TypedDict, total=False):
    url: str | None
    detail: str | None


class _Audio(TypedDict, total=False):
    data: str | None
    format: str | None


class _Part(TypedDict, total=False):
    type: str | None
    image_url: _Image | None
    input_audio: _Audio | None
    file: dict[str, Any] | None


class _Called(TypedDict, total=False):
    name: str | None
    arguments: str | None


class _Call(TypedDict, total=False):
    id: str | None
    function: _Called | None


class _Message(TypedDict, total=False):
    role: str
    content: str | list[_Part] | None
    tool_calls: list[_Call] | None
    tool_call_id: str | None


class _Named(TypedDict, total=False):
    name: str | None


class _Tool(TypedDict, total=False):
    type: str | None
    function: _Named | None
    custom: _Named | None


class _Schema(TypedDict, total=False):
    type: str | None
    json_schema: _Named | None


class _Chat(TypedDict, total=False):
    messages: list[_Message] | None
    tools: list[_Tool] | None
    stop: str | list[str] | None
    max_tokens: int | None
    max_completion_tokens: int | None
    reasoning_effort: str | None
    response_format: _Schema | None
    stream_options: dict[str, Any] | None
    chat_template_kwargs: dict[str, Any] | None
    parallel_tool_calls: bool | None


class _Speech(TypedDict, total=False):
    model: str
    response_format: str


CHAT = RequestShape(_Chat)
SPEECH = RequestShape(_Speech)
