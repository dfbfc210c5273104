"""Fields of what strangers sent, as the type that is expected: what is of another type is not there.

A vendor's number comes as text one day, a list as null, an object as a word. Reading a field through one of
these never raises, so that a field of the wrong type costs that field and not the message around it.
"""

from __future__ import annotations

import math
import re
from typing import Any

from mindbot.domain.message import Json

_DIGITS = re.compile(r"[+-]?[0-9]{1,18}")
_DECIMAL = re.compile(
    r"[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,3})?", re.ASCII
)
_MOST = 1 << 63
_LAST_TIME = 253_402_300_800.0  # the year 10,000


def text(value: Any, default: str = "") -> str:
    """Return words; a number as its digits. Everything else is ``default``."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return default
    return str(value)


def whole(value: Any, default: int = 0) -> int:
    """Return a whole number of 64 bits, also one written as text or with a point and nothing behind it."""
    if isinstance(value, bool):
        return default
    if isinstance(value, str):
        digits = value.strip()
        return int(digits) if _DIGITS.fullmatch(digits) else default
    if isinstance(value, float):
        value = int(value) if value.is_integer() else None
    return value if isinstance(value, int) and -_MOST <= value < _MOST else default


def number(value: Any, default: float = 0.0) -> float:
    """Return a finite number, also one written as text."""
    if isinstance(value, bool):
        return default
    if isinstance(value, str):
        decimal = value.strip()
        value = float(decimal) if _DECIMAL.fullmatch(decimal) else None
    if not isinstance(value, int | float):
        return default
    try:
        found = float(value)
    except OverflowError:
        return default
    return found if math.isfinite(found) else default


def flag(value: Any) -> bool:
    """Whether a field says yes: true, a number other than 0, or one of these as text."""
    return value is True or whole(value) != 0 or (isinstance(value, str) and value.strip().lower() == "true")


def moment(value: Any, unit: float = 1.0) -> float:
    """Return a time as Unix seconds, given in units of so many seconds; 0 for what no calendar can show."""
    told = number(value) * unit
    return told if 0.0 < told < _LAST_TIME else 0.0


def mapping(value: Any) -> Json:
    """Return an object; empty where it is none."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """Return a list; empty where it is none."""
    return value if isinstance(value, list) else []


def mappings(value: Any) -> list[Json]:
    """Return the objects of a list."""
    return [each for each in items(value) if isinstance(each, dict)]


def texts(value: Any) -> list[str]:
    """Return the words and numbers of a list, as text."""
    return [found for each in items(value) if (found := text(each))]
