"""Rows of the API about providers."""

from __future__ import annotations

from typing import TypedDict


class ProviderKeyJson(TypedDict):
    """A key by its label; ``until`` is Unix seconds, 0 for none."""

    label: str
    account: str
    state: str
    until: float
    reason: str | None
    why: str


class CircuitJson(TypedDict):
    """The breaker of a model with a key; ``until`` is Unix seconds, 0 for none."""

    key: str
    model: str
    state: str
    until: float
    reason: str | None
    why: str


class ProviderErrorJson(TypedDict):
    """A failure of a call; ``ts`` is Unix seconds."""

    ts: float
    kind: str
    why: str
    key: str
    model: str


class ProviderJson(TypedDict):
    """A provider: see `mindbot.providers.management.status.ProviderStatus`."""

    name: str
    type: str
    state: str
    enabled: bool
    models: list[str]
    keys: list[ProviderKeyJson]
    circuits: list[CircuitJson]
    in_flight: int
    concurrency: int
    calls_a_minute: int
    rate_limit: int
    tokens_a_minute: int
    token_limit: int
    success: float | None
    latency: float | None
    latencies: list[float]
    calls_today: int
    input_tokens_today: int
    output_tokens_today: int
    money_today: float
    currency: str
    budget: float | None
    errors: list[ProviderErrorJson]


class ModelJson(TypedDict):
    """A model of a provider. ``configured``: an entry names it; ``listed``: its vendor does, if it was asked.

    ``max_context`` is tokens, 0 where nobody knows.
    """

    name: str
    configured: bool
    listed: bool
    tools: bool
    images: bool
    files: bool
    audio: bool
    streaming: bool
    max_context: int


class SpentJson(TypedDict):
    """What somebody spent on a day; ``money`` is in ``currency``."""

    by: str
    who: str
    day: str
    calls: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    money: float
    currency: str
