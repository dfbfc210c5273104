"""The fields of Anthropic's requests with their types."""

from __future__ import annotations

import re
from typing import Any

from typing_extensions import TypedDict

from mindbot.domain.message import Json
from mindbot.sim.anthropic.refusals import invalid
from mindbot.sim.models.shapes import RequestShape


class _Source(TypedDict, total=False):
    type: str
    media_type: str
    data: str


class _Inner(TypedDict, total=False):
    type: str
    text: str
    source: _Source | str


class _Block(TypedDict, total=False):
    type: str
    text: str
    source: _Source | str
    id: str
    name: str
    input: Any
    tool_use_id: str
    content: str | list[_Inner] | None
    thinking: str
    signature: str
    data: str
    citations: list[Any] | dict[str, Any] | None


class _Message(TypedDict, total=False):
    role: Any
    content: str | list[_Block]


class _Thinking(TypedDict, total=False):
    type: str
    budget_tokens: Any
    display: str | None


class _Choice(TypedDict, total=False):
    type: str
    name: str


class _Request(TypedDict, total=False):
    messages: list[_Message]
    system: str | list[_Inner] | None
    tools: list[dict[str, Any]] | None
    tool_choice: _Choice | None
    thinking: _Thinking | None
    stop_sequences: list[str] | None
    stream: bool | None
    metadata: dict[str, Any] | None


_REQUEST = RequestShape(_Request)


def check_types(body: Json) -> None:
    """Raise ModelApiError for a field of another type."""
    if place := _REQUEST.misfit(body):
        where = re.sub(r"\[(\d+)\]", r".\1", place)
        raise invalid(f"{where}: Input is of the wrong type")
