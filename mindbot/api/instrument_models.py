"""What the local API says of the daemon at work, as JSON models."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from mindbot.api.models import Answer


class TimesView(Answer):
    """How long something took since the start, by bucket; ``what``: turn (by state), stage (without those
    inside it), model (by provider), workflow (and outcome), send (by bot). ``sum`` is seconds."""

    what: str = ""
    name: str = ""
    counts: list[int] = Field(default_factory=list)
    sum: float = 0.0


class MetricTimesView(Answer):
    """``bounds`` are the buckets' upper ones, seconds; what took longer is in one more bucket."""

    started: float = 0.0
    bounds: list[float] = Field(default_factory=list)
    times: list[TimesView] = Field(default_factory=list)


class BusRow(Answer):
    """A topic and how many ``events`` of it were published, or who takes events (``kind``: handler, observer,
    client): how many wait for it, of at most ``capacity``; ``lost`` never came to it, at ``failed`` it failed
    for good."""

    kind: str = ""
    name: str = ""
    topics: list[str] = Field(default_factory=list)
    filter: str = ""
    events: int = 0
    waiting: int = 0
    capacity: int = 0
    lost: int = 0
    failed: int = 0


class BusView(Answer):
    """The event bus; ``seq`` is the number of the last event."""

    seq: int = 0
    rows: list[BusRow] = Field(default_factory=list)


class AskDatabase(BaseModel):
    """A question in SQL; it can only read. ``timeout`` is seconds."""

    model_config = ConfigDict(extra="forbid")

    sql: str = Field(min_length=1, max_length=20_000)
    limit: int = Field(default=200, ge=1, le=10_000)
    timeout: float = Field(default=5.0, gt=0, le=60)


class SqlAnswer(Answer):
    """What it found, a row a list in the order of ``columns``; ``more``: there are others, ``cut``: how many
    values are not whole, ``full``: an answer holds no more."""

    columns: list[str] = Field(default_factory=list)
    rows: list[list[Any]] = Field(default_factory=list)
    more: bool = False
    cut: int = 0
    full: bool = False
    took_ms: float = 0.0
