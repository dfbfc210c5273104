"""The shapes of events by topic: what the runtime tells, what the console and the command line are given.

A topic ``turn`` tells a `turns.TurnRecord`, the topic ``log`` a `daemon.LogLineJson`. Whoever reads them over
the stream looks for each name, as a daemon of another version may say less: a ``total`` of False says so.
"""

from __future__ import annotations

from typing import NotRequired, TypedDict


class EventJson(TypedDict):
    """The head that each event of the stream has before its data; ``seq`` is its place in it."""

    seq: int
    ts: float
    type: str
    turn: str


class DeliveryEvent(TypedDict, total=False):
    """How a delivery fares; ``left`` is how many others of its turn are not ended."""

    delivery: str
    platform: str
    bot: str
    session: str
    state: str
    attempts: int
    error: str
    left: int


class HealthEvent(TypedDict, total=False):
    """A component's state changed. ``health.summary`` tells a `daemon.HealthSummaryJson` instead."""

    component: str
    state: str
    reason: str


class ConfigEvent(TypedDict, total=False):
    generation: int


class BusEvent(TypedDict, total=False):
    """A handler was too slow for ``count`` events."""

    handler: str
    count: int


class AlertEvent(TypedDict, total=False):
    alert: str


class ChunkEvent(TypedDict):
    """A piece of an answer; ``at``: how many characters stand before it; ``afresh``: it takes their place."""

    text: str
    at: NotRequired[int]
    afresh: NotRequired[bool]


class SpanEvent(TypedDict):
    """A step began, or (with a ``status``) ended; ``span`` is its id in its turn."""

    name: str
    kind: str
    span: int
    parent: int
    stage: NotRequired[str]
    status: NotRequired[str]
    took_ms: NotRequired[float]
    error: NotRequired[str]


class StatsEvent(TypedDict, total=False):
    """The daemon in numbers, since the one before."""

    received_per_s: float
    answered_per_s: float
    failed_per_s: float
    dead_per_s: float
    sent_per_s: float
    running: int
    queued: int
    parked: int
    waiting: int
    outbox: int
    loop_lag_ms: float
    rss_bytes: int
