"""The shapes of what shows the daemon at work: times by what took them, the event bus, questions in SQL."""

from __future__ import annotations

from typing import Any, Literal, TypedDict


class TimesJson(TypedDict):
    """How long something took since the start: a turn (by its state), a stage without those inside it, a
    model's answer (by provider), a run (by workflow and outcome) or a send (by bot). ``counts`` are by
    bucket, those over the last bound too; ``sum`` is seconds."""

    what: Literal["turn", "stage", "model", "workflow", "send"]
    name: str
    counts: list[int]
    sum: float


class MetricTimesJson(TypedDict):
    """``bounds`` are the buckets' upper ones, seconds; ``started`` is Unix seconds."""

    started: float
    bounds: list[float]
    times: list[TimesJson]


class BusRowJson(TypedDict):
    """A topic and how many ``events`` of it were published; or who takes events: a handler in the daemon, an
    observer in it, a client of the stream. ``lost`` it never got, ``failed`` it gave up on."""

    kind: Literal["topic", "handler", "observer", "client"]
    name: str
    topics: list[str]
    filter: str
    events: int
    waiting: int
    capacity: int
    lost: int
    failed: int


class BusJson(TypedDict):
    """``seq`` is the number of the last event; topics that nobody takes are mostly not published at all."""

    seq: int
    rows: list[BusRowJson]


class SqlAnswerJson(TypedDict):
    """What a question in SQL found, a row a list in the order of ``columns``; ``more``: there are others,
    ``cut``: how many values are not whole, ``full``: an answer holds no more."""

    columns: list[str]
    rows: list[list[Any]]
    more: bool
    cut: int
    full: bool
    took_ms: float
