"""Numbers that vendors tell, as numbers or as text. Pure."""

from __future__ import annotations

import math
from typing import Any

#: More than any call can take. Who tells of more is mistaken, or wants that nobody else is counted.
_MOST = 100_000_000


def count(value: Any) -> int | None:
    """Read a number of tokens: whole, with a fraction of nothing, or as text; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return int(number) if math.isfinite(number) and 0 <= number <= _MOST else None
