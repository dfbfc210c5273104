"""Numbers that vendors tell, as numbers or as text. Pure."""

from __future__ import annotations

import math
from typing import Any


def count(value: Any) -> int | None:
    """Read a number of tokens: whole, with a fraction of nothing, or as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return int(number) if math.isfinite(number) and 0 <= number < 1 << 53 else None
