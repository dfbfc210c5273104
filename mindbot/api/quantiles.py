"""Quantiles of times that were counted by bucket."""

from __future__ import annotations

from collections.abc import Sequence


def quantile(q: float, bounds: Sequence[float], counts: Sequence[int]) -> float | None:
    """Return the time in seconds under which the share ``q`` of all lies, or None where there are none.

    Times are taken to lie evenly in their bucket, as Prometheus' histogram_quantile takes them; what is over
    the last bound counts as that bound.
    """
    total = sum(counts)
    if not total or not bounds:
        return None
    rank, before, low = q * total, 0, 0.0
    for bound, count in zip(bounds, counts, strict=False):
        if count and before + count >= rank:
            return low + (bound - low) * (rank - before) / count
        before, low = before + count, bound
    return bounds[-1]


def since(counts: Sequence[int], earlier: Sequence[int]) -> list[int]:
    """Return what was counted since an earlier look; all of it, where the counters began anew."""
    if len(earlier) != len(counts) or any(now < then for now, then in zip(counts, earlier, strict=True)):
        return list(counts)
    return [now - then for now, then in zip(counts, earlier, strict=True)]
