"""Times by bucket, look by look: what took how long since the daemon's start, and lately."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mindbot.api.instrument_models import MetricTimesView
from mindbot.api.quantiles import quantile, since

#: What is measured, in words.
WHATS = ("turn", "stage", "model", "workflow", "send")
_LATELY = 300.0  # seconds
_Counts = Mapping[tuple[str, str], Sequence[int]]


@dataclass(frozen=True, slots=True)
class Measured:
    """What took time: ``counts`` by bucket since the daemon's start, ``lately`` those of the last minutes."""

    what: str
    name: str
    bounds: Sequence[float]
    counts: Sequence[int]
    lately: Sequence[int]
    seconds: float  # that ``lately`` is about
    sum: float

    @property
    def count(self) -> int:
        return sum(self.counts)

    @property
    def rate(self) -> float:
        """How many a minute, lately."""
        return sum(self.lately) * 60 / self.seconds

    @property
    def mean(self) -> float:
        return self.sum / self.count if self.count else 0.0

    @property
    def p50(self) -> float:
        return quantile(0.5, self.bounds, self.counts) or 0.0

    @property
    def p99(self) -> float:
        return quantile(0.99, self.bounds, self.counts) or 0.0

    @property
    def p95(self) -> float:
        return quantile(0.95, self.bounds, self.counts) or 0.0


class Looks:
    """Keeps some minutes of looks, to tell what was measured since."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, _Counts]] = deque()

    def take(self, found: MetricTimesView, now: float) -> list[Measured]:
        """Return what a look found, turns first; ``now`` is Unix seconds."""
        counts = {(each.what, each.name): each.counts for each in found.times}
        self._looks.append((now, counts))
        while len(self._looks) > 2 and self._looks[1][0] <= now - _LATELY:
            self._looks.popleft()
        then, earlier = self._looks[0] if len(self._looks) > 1 else (found.started, {})
        return [
            Measured(
                each.what,
                each.name,
                found.bounds,
                each.counts,
                since(each.counts, earlier.get((each.what, each.name), [0] * len(each.counts))),
                max(now - then, 1.0),
                each.sum,
            )
            for each in sorted(found.times, key=lambda t: (*WHATS, t.what).index(t.what))
            if each.what in WHATS
        ]
