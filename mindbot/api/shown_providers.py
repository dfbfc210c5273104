"""What people are shown of a model provider: the same facts in the command line and the console.

Texts are put together from whole pieces, which the console has in another language as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from mindbot.api.provider_models import ModelView, ProviderError, ProviderView
from mindbot.api.shown import Say, ago, english

#: Labels of `facts`.
LABELS = (
    *("state", "why", "type", "models", "key", "breaker", "calls", "a minute", "late calls", "first word"),
    *("today", "budget"),
)
STATES = ("ok", "degraded", "cooling", "off", "disabled", "unavailable")
#: Steps of a test.
CHECKS = ("answer", "stream", "tools", "images")
#: What a model may be able to do.
ABILITIES = ("streaming", "tools", "images", "files", "audio")
#: How a key or a breaker is, without and with the time until it is tried again.
_STANDS = {
    "ok": ("{name} ok", "{name} ok for {left}"),
    "cooling": ("{name} cooling", "{name} cooling for {left}"),
    "disabled": ("{name} disabled", "{name} disabled for {left}"),
    "closed": ("{name} closed", "{name} closed for {left}"),
    "open": ("{name} open", "{name} open for {left}"),
    "half_open": ("{name} half-open: the next call proves it", "{name} half-open for {left}"),
}
#: Why a provider is left alone as a whole.
_WHOLE = {
    "off": "switched off by an operator",
    "disabled": "the configuration disables it",
    "unavailable": "nothing that is installed serves this type",
}
#: Pieces of which the other texts are made.
TEXTS = (
    *(text for texts in _STANDS.values() for text in texts),
    *_WHOLE.values(),
    *("key {label}", "{model} with {key}", "its budget is used up", "{share} of late calls succeeded"),
    *("{n} now", "{n} of {limit} now", "{n} calls", "{n} of {limit} calls", "{n} tokens"),
    *("{n} of {limit} tokens", "{input} + {output} tokens", "{share} succeeded", "{share} used"),
    *("{mean} lately, {least} to {most}", "words"),
)


class Stands(Protocol):
    """What is well, or left alone until a time (Unix seconds), and why."""

    @property
    def state(self) -> str: ...

    @property
    def until(self) -> float: ...

    @property
    def why(self) -> str: ...


_BARS = "▁▂▃▄▅▆▇█"


def percent(share: float | None) -> str:
    """Return a share as people read it; a dash where nobody knows."""
    return "-" if share is None else f"{share:.0%}"


def seconds(value: float | None) -> str:
    """Return seconds to the hundredth; a dash where nobody knows."""
    return "-" if value is None else f"{value:.2f}s"


_LEAST = 0.00005  # that four decimals show


def money(amount: float, currency: str) -> str:
    """Return an amount with its currency; a dash for nothing. Too little to show is not nothing."""
    shown = "<0.0001" if 0 < amount < _LEAST else f"{amount:.4f}"
    return f"{shown} {currency}".rstrip() if amount else "-"


def sparkline(values: Sequence[float], width: int = 20) -> str:
    """Return the last values as bars of eight heights, the tallest for the greatest."""
    late = values[-width:]
    most = max(late, default=0.0)
    return "".join(_BARS[min(7, int(v / most * 7.999))] if most else _BARS[0] for v in late)


def keys_ok(found: ProviderView) -> str:
    """Return how many keys may be used, as ``1/2``."""
    return f"{sum(key.state == 'ok' for key in found.keys)}/{len(found.keys)}"


def late_errors(found: ProviderView) -> list[ProviderError]:
    """Return its late errors, the newest first."""
    return sorted(found.errors, key=lambda error: -error.ts)


def can(model: ModelView, say: Say = english) -> str:
    """Return what a model is known to be able to do; every one answers in words."""
    return say(", ").join(say(name) for name in ABILITIES if getattr(model, name)) or say("words")


def why(found: ProviderView, now: float, say: Say = english) -> str:
    """Return in a line why a provider is not well; empty for one that is. ``now`` is Unix seconds."""
    if found.state in _WHOLE:
        return say(_WHOLE[found.state])
    told = [say("its budget is used up")] if found.budget is not None and found.budget >= 1 else []
    told += [stands(say("key {label}", label=key.label), key, now, say) for key in found.keys if key.why]
    told += [stands(c.model, c, now, say) for c in found.circuits if c.why]
    if not told and found.state != "ok":
        if found.success is not None:
            told.append(say("{share} of late calls succeeded", share=percent(found.success)))
        told += [error.why for error in late_errors(found)[:1]]
    return "; ".join(told)


def facts(found: ProviderView, now: float, say: Say = english) -> Iterator[tuple[str, str]]:
    """Yield what is known of a provider but its errors, as labels and texts; ``now`` is Unix seconds.

    An empty label goes on with the one before.
    """
    yield say("state"), say(found.state)
    of_parts = any(key.why for key in found.keys) or any(circuit.why for circuit in found.circuits)
    if not of_parts and (reason := why(found, now, say)):
        yield say("why"), reason
    yield say("type"), found.type
    yield say("models"), say(", ").join(found.models) or "-"
    for n, key in enumerate(found.keys):
        yield "" if n else say("key"), stands(key.label, key, now, say)
    for n, each in enumerate(found.circuits):
        name = say("{model} with {key}", model=each.model, key=each.key) if each.key else each.model
        yield "" if n else say("breaker"), stands(name, each, now, say)
    yield say("calls"), share_of(found.in_flight, found.concurrency, "{n} now", "{n} of {limit} now", say)
    calls = share_of(found.calls_a_minute, found.rate_limit, "{n} calls", "{n} of {limit} calls", say)
    tokens = share_of(found.tokens_a_minute, found.token_limit, "{n} tokens", "{n} of {limit} tokens", say)
    yield say("a minute"), say(", ").join((calls, tokens))
    if found.success is not None:
        yield say("late calls"), say("{share} succeeded", share=percent(found.success))
    if found.latencies:
        least, most = seconds(min(found.latencies)), seconds(max(found.latencies))
        late = say("{mean} lately, {least} to {most}", mean=seconds(found.latency), least=least, most=most)
        yield say("first word"), f"{late} {sparkline(found.latencies)}"
    spent = say("{input} + {output} tokens", input=found.input_tokens_today, output=found.output_tokens_today)
    cost = money(found.money_today, found.currency)
    yield say("today"), say(", ").join((say("{n} calls", n=found.calls_today), spent, cost))
    if found.budget is not None:
        yield say("budget"), say("{share} used", share=percent(found.budget))


def stands(name: str, found: Stands, now: float, say: Say = english) -> str:
    """Return how a key, breaker or replica is, with the time until it is tried again, and why."""
    alone, with_time = _STANDS.get(found.state, ("", ""))
    if not alone:  # a newer daemon's word
        text = f"{name} {found.state}"
    elif found.until > now:
        text = say(with_time, name=name, left=left(found.until - now, say))
    else:
        text = say(alone, name=name)
    text = text.strip()  # not every key has a label
    return f"{text}: {found.why}" if found.why else text


def left(seconds: float, say: Say = english) -> str:
    """Return a time that people watch run down: to the second, below an hour."""
    if 60 <= seconds < 3600:
        return say("{n} min", n=f"{int(seconds // 60)}:{int(seconds % 60):02}")
    return ago(seconds, say)


def share_of(n: int, limit: int, without: str, within: str, say: Say) -> str:
    """Return a number with its limit, where there is one; ``without`` and ``within`` are the two texts."""
    return say(within, n=n, limit=limit) if limit else say(without, n=n)
