"""How providers are, as typed rows: for the API, the command line and the console. Labels stand for keys."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from mindbot.domain.message import Json
from mindbot.domain.spending import BILLION
from mindbot.providers.management.breaker import CircuitKey
from mindbot.providers.management.budgets import Budgets
from mindbot.providers.management.deployments import Deployments
from mindbot.providers.management.prices import Prices
from mindbot.providers.management.tally import LastError
from mindbot.providers.shared.circuit import CircuitState, CoolReason

#: ``off``: switched off at run time; ``disabled``: by the configuration; ``unavailable``: no such kind is
#: installed; ``cooling``: no key may be used now; ``degraded``: some of it may not, or late calls failed.
ProviderState = Literal["ok", "degraded", "cooling", "off", "disabled", "unavailable"]
#: ``disabled`` is a key that the vendor refused.
KeyState = Literal["ok", "cooling", "disabled"]

_SOUND = 0.5  # share of late calls that must succeed for a provider to be well


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """A key by its label. ``until`` (Unix seconds, 0 for none) is when it is tried again."""

    label: str
    account: str
    state: KeyState
    until: float
    reason: CoolReason | None
    why: str


@dataclass(frozen=True, slots=True)
class CircuitStatus:
    """The breaker of a model with a key; ``until`` (Unix seconds, 0 for none) is when a probe is made."""

    key: str
    model: str
    state: CircuitState
    until: float
    reason: CoolReason | None
    why: str


@dataclass(frozen=True, slots=True)
class ProviderStatus:
    """A provider. Limits of 0 are none; ``success`` and ``latency`` are None where no late call tells.

    ``latency`` and ``latencies`` (of late answers, the oldest first) are seconds to the first piece.
    ``money_today`` is in ``currency``; ``budget`` is the share of its budget that is used, None without one.
    """

    name: str
    type: str
    state: ProviderState
    enabled: bool
    models: tuple[str, ...]
    keys: tuple[KeyStatus, ...]
    circuits: tuple[CircuitStatus, ...]
    in_flight: int
    concurrency: int
    calls_a_minute: int
    rate_limit: int
    tokens_a_minute: int
    token_limit: int
    success: float | None
    latency: float | None
    latencies: tuple[float, ...]
    calls_today: int
    input_tokens_today: int
    output_tokens_today: int
    money_today: float
    currency: str
    budget: float | None
    errors: tuple[LastError, ...]

    def to_json(self) -> Json:
        """Return it as plain data."""
        return asdict(self)


async def status_of(name: str, deployments: Deployments, budgets: Budgets, prices: Prices) -> ProviderStatus:
    """Return how a configured provider is; raises StoreError when its sums cannot be read."""
    standing = deployments.standing
    settings, tally = deployments.settings[name], standing.tally(name)
    keys = tuple(_key(name, deployments))
    circuits = tuple(
        CircuitStatus(key.key, key.model, circuit.state, circuit.until, circuit.reason, circuit.why)
        for key, circuit in standing.breakers.items()
        if key.provider == name and key.model
    )
    today = await standing.ledger.spent("provider", name, "day")
    used = await budgets.of_provider(name)
    return ProviderStatus(
        name=name,
        type=settings.type or name,
        state=_state(name, deployments, keys, circuits),
        enabled=settings.enabled and not standing.is_off(name),
        models=tuple(model.name for model in settings.models),
        keys=keys,
        circuits=circuits,
        in_flight=tally.in_flight,
        concurrency=settings.concurrency,
        calls_a_minute=tally.calls_a_minute,
        rate_limit=settings.rate_limit or 0,
        tokens_a_minute=tally.tokens_a_minute,
        token_limit=settings.token_limit or 0,
        success=tally.share,
        latency=tally.latency,
        latencies=tuple(round(seconds, 4) for seconds in tally.latencies),
        calls_today=today.calls,
        input_tokens_today=today.input_tokens,
        output_tokens_today=today.output_tokens,
        money_today=today.money / BILLION,
        currency=prices.currency,
        budget=None if used is None else used.share,
        errors=tuple(tally.errors),
    )


def _key(name: str, deployments: Deployments) -> list[KeyStatus]:
    found = []
    for key in deployments.pool(name).keys:
        circuit = deployments.standing.breakers.look(CircuitKey(name, key.label))
        reason = circuit.reason if circuit is not None else None
        state: KeyState = "disabled" if reason == "auth" else "ok" if reason is None else "cooling"
        until, why = (circuit.until, circuit.why) if circuit is not None else (0.0, "")
        found.append(KeyStatus(key.label, key.account, state, until, reason, why))
    return found


def _state(
    name: str, deployments: Deployments, keys: tuple[KeyStatus, ...], circuits: tuple[CircuitStatus, ...]
) -> ProviderState:
    standing, settings = deployments.standing, deployments.settings[name]
    if standing.is_off(name):
        return "off"
    if not settings.enabled:
        return "disabled"
    if not deployments.usable(name):
        return "unavailable"
    shut = {circuit.key for circuit in circuits if circuit.state == "open"}
    if all(key.state != "ok" or key.label in shut for key in keys):
        return "cooling"
    share = standing.tally(name).share
    well = all(key.state == "ok" for key in keys) and not shut and (share is None or share > _SOUND)
    return "ok" if well else "degraded"
