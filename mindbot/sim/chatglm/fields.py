"""The fields of GLM's requests with their types; null is taken for a field left out."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from mindbot.sim.models.shapes import RequestShape


class _Link(TypedDict, total=False):
    url: str | None


class _Part(TypedDict, total=False):
    type: str | None
    text: str | None
    image_url: _Link | None


class _Call(TypedDict, total=False):
    id: str | None
    function: dict[str, Any] | None


class _Message(TypedDict, total=False):
    role: str
    content: str | list[_Part] | None
    tool_calls: list[_Call] | None
    tool_call_id: str | None


class _Tool(TypedDict, total=False):
    type: str | None
    function: dict[str, Any] | None


class _Chat(TypedDict, total=False):
    messages: list[_Message] | None
    tools: list[_Tool] | None
    tool_choice: str | None
    stop: str | list[str] | None
    max_tokens: int | None
    temperature: float | None
    top_p: float | None
    thinking: dict[str, Any] | None


class _Embedding(TypedDict, total=False):
    input: str | list[str] | None
    dimensions: int | None


CHAT = RequestShape(_Chat)
EMBEDDING = RequestShape(_Embedding)
