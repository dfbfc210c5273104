"""Values as people write them: ``5s``, ``10MB``, ``0.8``, ``2026-01-31``, ``true``, ``refund``."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime

from mindbot.filters.errors import FilterError, did_you_mean
from mindbot.filters.fields import Field, Kind
from mindbot.filters.tokens import FilterToken, quote

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?(e[+-]?\d{1,3})?", re.IGNORECASE)
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:us|µs|ms|[smhdw]))+")
_DURATION_PART = re.compile(r"([\d.]+)(\D+)")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)([kmgt]i?b|b)", re.IGNORECASE)
_SECONDS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_POWER = {"b": 0, "k": 1, "m": 2, "g": 3, "t": 4}

_EXAMPLES = {
    Kind.NUMBER: "a number, e.g. 3 or 0.8",
    Kind.DURATION: "a duration, e.g. 5s, 200ms or 1h30m",
    Kind.SIZE: "a size, e.g. 10MB or 1KiB",
    Kind.BOOL: "true or false",
    Kind.TIME: "a time, e.g. 2026-01-31 or 2026-01-31T08:30",
}


@dataclass(frozen=True, slots=True)
class Literal:
    """A value and its text in the language. Durations are seconds, sizes bytes, times Unix seconds."""

    value: str | float | bool
    text: str


def read(token: FilterToken, field: Field, source: str) -> Literal:
    """Return the value that the token is for that field.

    Raises:
        FilterError: the field cannot hold such a value.
    """
    literal = _any(token) if field.kind is Kind.ANY else _typed(token, field.kind)
    if literal is None:
        what = _EXAMPLES[field.kind]
        raise FilterError(
            f"{field.name} is {what.split(',')[0]}, not {_shown(token)}",
            source,
            token.start + 1,
            length=token.end - token.start,
            hint=f"write {what}",
        )
    if field.values and literal.value not in field.values:
        hint = did_you_mean(str(literal.value), field.values)
        raise FilterError(
            f"{field.name} is never {_shown(token)}",
            source,
            token.start + 1,
            length=token.end - token.start,
            hint=f"{hint}{' ' if hint else ''}one of: {', '.join(field.values)}",
        )
    return literal


def _typed(token: FilterToken, kind: Kind) -> Literal | None:
    raw = token.value
    if kind is Kind.TEXT:
        return Literal(raw, quote(raw))
    if kind is Kind.TIME and (when := _time(raw)) is not None:
        return Literal(when, quote(raw))
    if token.kind == "string":
        return None
    if kind is Kind.BOOL:
        return _bool(raw)
    value = _number(raw)
    if value is None and kind is Kind.DURATION:
        value = _duration(raw)
    if value is None and kind is Kind.SIZE:
        value = _size(raw)
    return None if value is None else Literal(value, raw)


def _any(token: FilterToken) -> Literal:
    raw = token.value
    if token.kind == "string":
        return Literal(raw, quote(raw))
    if (truth := _bool(raw)) is not None:
        return truth
    for reading in (_number, _duration, _size):
        if (value := reading(raw)) is not None:
            return Literal(value, raw)
    return Literal(raw, quote(raw))


def _bool(raw: str) -> Literal | None:
    lower = raw.lower()
    return Literal(lower == "true", lower) if lower in ("true", "false") else None


def _number(raw: str) -> float | None:
    found = _NUMBER.fullmatch(raw)
    if not found:
        return None
    return float(raw) if found[1] or found[2] else int(raw)


def _duration(raw: str) -> float | None:
    if not _DURATION.fullmatch(raw):
        return None
    return sum(float(count) * _SECONDS[unit] for count, unit in _DURATION_PART.findall(raw))


def _size(raw: str) -> float | None:
    found = _SIZE.fullmatch(raw)
    if not found:
        return None
    unit = found[2].lower()
    base = 1024.0 if "i" in unit else 1000.0
    return float(found[1]) * math.pow(base, _POWER[unit[0]])


def _time(raw: str) -> float | None:
    """Read an ISO 8601 date or time; without a zone it is the local one."""
    try:
        return datetime.fromisoformat(raw).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def _shown(token: FilterToken) -> str:
    return quote(token.value)
