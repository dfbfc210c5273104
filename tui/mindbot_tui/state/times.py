"""Times as people type them: ``12:30``, ``-2h``, ``2026-11-30``, ``11-30 08:15``."""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta

from mindbot.domain.errors import Invalid

_AGO = re.compile(r"-\s*(\d+(?:\.\d+)?)\s*(s|m|min|h|d)")
_UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_CLOCK = ("%H:%M:%S", "%H:%M")
_DATES = (
    *("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"),
    *("%m-%d %H:%M:%S", "%m-%d %H:%M", "%m-%d"),
)


def moment_of(text: str, now: float) -> float:
    """Return the Unix time that a text means, in local time: the last one that it fits.

    Raises:
        Invalid: it is none.
    """
    text = text.strip()
    if ago := _AGO.fullmatch(text):
        return now - float(ago[1]) * _UNITS[ago[2]]
    today = datetime.fromtimestamp(now)
    for form in _CLOCK:
        if found := _read(text, form):
            then = today.replace(hour=found.hour, minute=found.minute, second=found.second, microsecond=0)
            return (then if then <= today else then - timedelta(days=1)).timestamp()
    for form in _DATES:
        if found := _read(text, form):
            if "%Y" not in form:
                found = found.replace(year=today.year)
                found = found if found <= today else found.replace(year=today.year - 1)
            return found.timestamp()
    raise Invalid(f"{text!r} is no time", hint="e.g. 12:30, -2h, 2026-11-30, 11-30 08:15")


def _read(text: str, form: str) -> datetime | None:
    whole, shape = (text, form) if "%Y" in form or "%H" in form[:2] else (f"2024-{text}", f"%Y-{form}")
    try:
        return datetime(*time.strptime(whole, shape)[:6])
    except ValueError:
        return None
