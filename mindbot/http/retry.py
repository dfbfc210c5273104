"""How long a server asks callers to wait."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Return the seconds a vendor asks us to wait, from ``retry-after-ms`` or ``retry-after``.

    ``retry-after`` holds seconds or an HTTP date. Returns None when neither can be read.
    """
    if (seconds := number(headers.get("retry-after-ms"))) is not None:
        return seconds / 1000
    value = headers.get("retry-after")
    if (seconds := number(value)) is not None:
        return seconds
    try:
        when = parsedate_to_datetime(value or "").timestamp()
    except (ValueError, OverflowError, TypeError, IndexError):  # the parser trusts what it is given
        return None
    return max(0.0, when - (time.time() if now is None else now))


def number(value: str | None) -> float | None:
    """Read a number of seconds, 0 where it is negative; None for anything else."""
    try:
        found = float(value or "")
    except ValueError:
        return None
    return max(0.0, found) if math.isfinite(found) else None
