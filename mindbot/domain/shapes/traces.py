"""The shapes of what is told of a turn's trace: its requests, and how two turns differ.

See `mindbot.domain.shapes.turns`. Tokens of a part are an estimate (nobody tells them); those of a request
are the vendor's where it told them.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, TypedDict

from mindbot.domain.shapes.turns import Json

#: How something stands in the second of two turns: the same, only there, only in the first, another.
Mark: TypeAlias = Literal["=", "+", "-", "~"]


class PromptPartJson(TypedDict):
    """A part of a prompt: in which line, who speaks there, what it is (text, image, tool_call, …), and where
    it is from (`mindbot.domain.origins`), with the ``turn`` where that is one."""

    line: int
    role: str
    kind: str
    origin: str
    turn: str
    text: str
    tokens: int


class RequestJson(TypedDict):
    """A call of a model or of a workflow as it left. ``n`` counts those of the turn from 1, ``span`` made it.

    ``body`` is written as it was sent, but for what is masked; where it was too long it is cut (``cut_from``
    characters) and says so. It is null where only the prompt is known. ``size`` are its bytes as it is here.
    ``prompt`` is what the body was made of. ``input_tokens`` is what the vendor told, null: nothing;
    ``estimated_tokens`` are those of all parts.
    """

    n: int
    span: int
    kind: str
    name: str
    provider: str
    model: str
    key: str
    path: str
    body: Json | None
    size: int
    cut_from: int | None
    prompt: list[PromptPartJson]
    input_tokens: int | None
    estimated_tokens: int


class TurnRequestsJson(TypedDict):
    turn: str
    requests: list[RequestJson]


class LineDiffJson(TypedDict):
    mark: Mark
    text: str


class TextDiffJson(TypedDict):
    """Two texts; ``lines`` of both where they differ."""

    same: bool
    a: str
    b: str
    lines: list[LineDiffJson]


class FactDiffJson(TypedDict):
    """A value that two turns have, or one of them; null: it has none."""

    name: str
    same: bool
    a: str | float | None
    b: str | float | None


class PartDiffJson(TypedDict):
    """A part of two prompts; ``a`` of the first, ``b`` of the second, null where one has none like it."""

    mark: Mark
    a: PromptPartJson | None
    b: PromptPartJson | None


class CacheBreakJson(TypedDict):
    """Where a vendor's cache of prompts breaks: at the first part (of those in the diff, from 0) that is
    another, behind so many characters and about so many tokens that both begin with."""

    part: int
    characters: int
    tokens: int


class PromptDiffJson(TypedDict):
    same: bool
    parts: list[PartDiffJson]
    breaks: CacheBreakJson | None


class StepDiffJson(TypedDict):
    """A step of two turns, by its way from the top; null: there is none. Times in milliseconds."""

    mark: Mark
    path: str
    a_status: str | None
    b_status: str | None
    a_ms: float | None
    b_ms: float | None


class TurnDiffJson(TypedDict):
    """How a turn ``b`` differs from another, ``a``."""

    a: str
    b: str
    same: bool
    message: TextDiffJson
    route: list[FactDiffJson]
    vars: list[FactDiffJson]
    prompt: PromptDiffJson
    answer: TextDiffJson
    steps: list[StepDiffJson]
    cost: list[FactDiffJson]
    times: list[FactDiffJson]
