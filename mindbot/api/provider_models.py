"""What the local API says of providers, as JSON models."""

from __future__ import annotations

from pydantic import Field

from mindbot.api.models import Answer


class ProviderKey(Answer):
    """A key by its label; ``state`` is ok, cooling (until ``until``, Unix seconds) or disabled: refused."""

    label: str = ""
    account: str = ""
    state: str = ""
    until: float = 0.0
    reason: str | None = None
    why: str = ""


class ProviderCircuit(Answer):
    """The breaker of a model with a key: closed, open (until ``until``, Unix seconds) or half_open."""

    key: str = ""
    model: str = ""
    state: str = ""
    until: float = 0.0
    reason: str | None = None
    why: str = ""


class ProviderError(Answer):
    """A failure of a call: when (Unix seconds), its kind, its words, the key's label, the model."""

    ts: float = 0.0
    kind: str = ""
    why: str = ""
    key: str = ""
    model: str = ""


class ProviderView(Answer):
    """A provider. ``state`` is ok, degraded, cooling, off (switched off), disabled or unavailable.

    Limits of 0 are none; ``success`` is a share of late calls, ``latency`` and ``latencies`` (the oldest
    first) are seconds to the first piece of an answer; ``budget`` is the share of its budget that is used.
    """

    name: str = ""
    type: str = ""
    state: str = ""
    enabled: bool = False
    models: list[str] = Field(default_factory=list)
    keys: list[ProviderKey] = Field(default_factory=list)
    circuits: list[ProviderCircuit] = Field(default_factory=list)
    in_flight: int = 0
    concurrency: int = 0
    calls_a_minute: int = 0
    rate_limit: int = 0
    tokens_a_minute: int = 0
    token_limit: int = 0
    success: float | None = None
    latency: float | None = None
    latencies: list[float] = Field(default_factory=list)
    calls_today: int = 0
    input_tokens_today: int = 0
    output_tokens_today: int = 0
    money_today: float = 0.0
    currency: str = ""
    budget: float | None = None
    errors: list[ProviderError] = Field(default_factory=list)


class ModelView(Answer):
    """A model of a provider: whether an entry names it, whether its vendor lists it, and what it can do."""

    name: str = ""
    configured: bool = False
    listed: bool = False
    tools: bool = False
    images: bool = False
    files: bool = False
    audio: bool = False
    streaming: bool = False
    max_context: int = 0


class SpentView(Answer):
    """What a user, group, bot, workflow, provider or model spent on a day (``2026-11-30``)."""

    by: str = ""
    who: str = ""
    day: str = ""
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    money: float = 0.0
    currency: str = ""
