"""What the local API says of traces: requests as they left, how two turns differ; as JSON models."""

from __future__ import annotations

from pydantic import Field

from mindbot.api.models import Answer
from mindbot.domain.message import Json


class PromptPart(Answer):
    """A part of a prompt: in which ``line`` it stands, who speaks there, what it is, where it is from
    (instructions, history, message, quote, joined, stand-in, …) and from which turn. ``tokens`` are
    estimated: nobody tells them of a part."""

    line: int = 0
    role: str = ""
    kind: str = ""
    origin: str = ""
    turn: str = ""
    text: str = ""
    tokens: int = 0


class TurnRequest(Answer):
    """A call of a model or workflow as it left: ``body`` written without blanks is what was sent, but for
    masked secrets; ``cut_from`` is set where it was too long to be kept whole, in characters. ``path`` is
    where it went (no address is kept), ``prompt`` what it was made of. ``input_tokens`` are the vendor's own
    count."""

    n: int = 0
    span: int = 0
    kind: str = ""
    name: str = ""
    provider: str = ""
    model: str = ""
    key: str = ""
    path: str = ""
    body: Json | None = None
    size: int = 0
    cut_from: int | None = None
    prompt: list[PromptPart] = Field(default_factory=list)
    input_tokens: int | None = None
    estimated_tokens: int = 0


class TurnRequests(Answer):
    """What a turn asked models and workflows, in the order of its steps."""

    turn: str = ""
    requests: list[TurnRequest] = Field(default_factory=list)


class LineDiff(Answer):
    """A line of two texts: ``=`` in both, ``-`` in the first alone, ``+`` in the second alone."""

    mark: str = "="
    text: str = ""


class TextDiff(Answer):
    """Two texts; their lines where they differ."""

    same: bool = True
    a: str = ""
    b: str = ""
    lines: list[LineDiff] = Field(default_factory=list)


class FactDiff(Answer):
    """A value of two turns; null where one has none."""

    name: str = ""
    same: bool = True
    a: str | float | None = None
    b: str | float | None = None


class PartDiff(Answer):
    """A part of two prompts; ``~``: another in its place."""

    mark: str = "="
    a: PromptPart | None = None
    b: PromptPart | None = None


class CacheBreak(Answer):
    """The first part (from 0) that differs, and how much both prompts begin with: a vendor's cache of the
    first prompt serves the second so far and no further."""

    part: int = 0
    characters: int = 0
    tokens: int = 0


class PromptDiff(Answer):
    same: bool = True
    parts: list[PartDiff] = Field(default_factory=list)
    breaks: CacheBreak | None = None


class StepDiff(Answer):
    """A step of two turns, by its way from the top; ``~``: it ended otherwise. Times in milliseconds."""

    mark: str = "="
    path: str = ""
    a_status: str | None = None
    b_status: str | None = None
    a_ms: float | None = None
    b_ms: float | None = None


class TurnDiff(Answer):
    """How turn ``b`` differs from turn ``a``; ``same``: in nothing but steps, cost and times."""

    a: str = ""
    b: str = ""
    same: bool = True
    message: TextDiff = Field(default_factory=TextDiff)
    route: list[FactDiff] = Field(default_factory=list)
    vars: list[FactDiff] = Field(default_factory=list)
    prompt: PromptDiff = Field(default_factory=PromptDiff)
    answer: TextDiff = Field(default_factory=TextDiff)
    steps: list[StepDiff] = Field(default_factory=list)
    cost: list[FactDiff] = Field(default_factory=list)
    times: list[FactDiff] = Field(default_factory=list)
