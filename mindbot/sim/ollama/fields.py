"""The fields of Ollama's requests with their types. Source: api/types.go of Ollama."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from mindbot.sim.models.shapes import RequestShape


class _Function(TypedDict, total=False):
    name: str | None
    arguments: dict[str, Any] | None


class _Call(TypedDict, total=False):
    id: str | None
    function: _Function | None


class _Message(TypedDict, total=False):
    role: str | None
    content: str | None
    images: list[str] | None
    tool_calls: list[_Call] | None
    tool_name: str | None
    tool_call_id: str | None


class _Named(TypedDict, total=False):
    name: str | None


class _Tool(TypedDict, total=False):
    function: _Named | None


class _Options(TypedDict, total=False):
    num_predict: int | None
    num_ctx: int | None
    seed: int | None
    top_k: int | None
    temperature: float | None
    top_p: float | None
    stop: str | list[str] | None


class _Chat(TypedDict, total=False):
    model: str | None
    messages: list[_Message] | None
    tools: list[_Tool] | None
    options: _Options | None
    stream: bool | None
    think: bool | str | None
    truncate: bool | None


class _Embed(TypedDict, total=False):
    model: str | None
    dimensions: int | None
    truncate: bool | None


CHAT = RequestShape(_Chat)
EMBED = RequestShape(_Embed)
