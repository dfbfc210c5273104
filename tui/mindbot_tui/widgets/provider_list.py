"""How lists show model providers and their errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mindbot.api.provider_models import ProviderError, ProviderView
from mindbot.api.shown_providers import keys_ok, money, percent, seconds, sparkline, why
from mindbot_tui.cells import age
from mindbot_tui.widgets.columns import Cell, Column
from mindbot_tui.words import Words

STATES: dict[str, Cell] = {
    "ok": ("●", "ok"),
    "degraded": ("◐", "wait"),
    "cooling": ("◌", "bad"),
    "off": ("○", "dim"),
    "disabled": ("○", "dim"),
    "unavailable": ("✗", "bad"),
}
_LEFT_OUT = ("off", "disabled")
_BARS = 12  # cells
_NEARLY = 0.8  # of a budget
_POOR = 0.9  # share of successes

Clock = Callable[[], float]
Say = Callable[[], Words]


def provider_columns(clock: Clock, words: Say) -> Sequence[Column[ProviderView]]:
    """Return the columns of the list; ``words`` returns those of the language in use."""

    def state(row: ProviderView) -> Cell:
        sign, colour = STATES.get(row.state, ("?", "warn"))
        return f"{sign} {words()(row.state)}", colour

    def reason(row: ProviderView) -> Cell:
        colour = "dim" if row.state in _LEFT_OUT else STATES.get(row.state, ("", "bad"))[1]
        return why(row, clock(), words()), "wait" if colour == "ok" else colour

    return [
        Column("PROVIDER", lambda p: (p.name, "name"), 10, wide=16),
        Column("TYPE", lambda p: (p.type, "dim"), 10, least=110),
        Column("STATE", state, 11),
        Column("KEYS", _keys, 4, right=True),
        Column("NOW", lambda p: (str(p.in_flight or ""), "busy"), 4, right=True, least=60),
        Column("/MIN", _rate, 7, right=True, least=70),
        Column("OK", _success, 4, right=True, least=60),
        Column("FIRST", lambda p: (seconds(p.latency), "text"), 6, right=True, least=60),
        Column("LATELY", lambda p: (sparkline(p.latencies, _BARS), "bar"), _BARS, least=120),
        Column("CALLS", lambda p: (str(p.calls_today or ""), "text"), 6, right=True, least=100),
        Column("COST", lambda p: (money(p.money_today, ""), "text"), 8, right=True, least=70),
        Column("BUDGET", _budget, 6, right=True, least=100),
        Column("WHY", reason, weight=2),
    ]


def error_columns(clock: Clock) -> Sequence[Column[ProviderError]]:
    """Return the columns of a provider's late errors."""
    return [
        Column("AGE", lambda e: (age(clock() - e.ts), "dim"), 4, right=True),
        Column("KIND", lambda e: (e.kind, "bad"), 14),
        Column("MODEL", lambda e: (e.model, "name"), 14, least=70),
        Column("BY KEY", lambda e: (e.key, "dim"), 8, least=50),
        Column("WHY", lambda e: (e.why, "text"), weight=2),
    ]


def _keys(row: ProviderView) -> Cell:
    well = all(key.state == "ok" for key in row.keys)
    return keys_ok(row), "text" if well else "bad"


def _rate(row: ProviderView) -> Cell:
    full = bool(row.rate_limit) and row.calls_a_minute >= row.rate_limit
    return f"{row.calls_a_minute}/{row.rate_limit or '-'}", "wait" if full else "text"


def _success(row: ProviderView) -> Cell:
    poor = row.success is not None and row.success < _POOR
    return percent(row.success), "wait" if poor else "text"


def _budget(row: ProviderView) -> Cell:
    used = row.budget or 0.0
    return percent(row.budget), "bad" if used >= 1 else "wait" if used >= _NEARLY else "text"
