"""How much a platform takes for one user: more it would drop, or hold against us."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence


class Allowance:
    """At most so many in so many seconds, for each of many names: whom a platform sends to.

    Nobody waits here: `wait` says for how long, and the caller decides. ``limits`` are pairs of count and
    seconds; a count of 0 is no limit. Any span of that length holds no more than the count, so the platform
    may count in fixed windows or in sliding ones. ``clock`` is one that nobody sets; what happened before a
    restart can be taught with `past`.
    """

    def __init__(
        self,
        limits: Iterable[tuple[int, float]],
        *,
        names: int = 50_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = [(count, seconds) for count, seconds in limits if count > 0]
        self._longest = max((seconds for _, seconds in self._limits), default=0.0)
        self._kept = max((count for count, _ in self._limits), default=0)
        self._names = names
        self._clock = clock
        self._logs: OrderedDict[str, deque[float]] = OrderedDict()  # the least lately used first

    def wait(self, names: Sequence[str]) -> float:
        """Take a place for every name and return 0, or take none and return the seconds until there is."""
        now = self._clock()
        wait = max((self._until(name, now) for name in names), default=0.0)
        if wait <= 0:
            for name in names:
                self.past(name)
        return max(0.0, wait)

    def past(self, name: str, ago: float = 0.0) -> None:
        """Remember that something went to this name so many seconds ago, oldest first."""
        if not self._limits:
            return
        log = self._logs.pop(name, None)
        self._logs[name] = log = deque(maxlen=self._kept) if log is None else log
        now = self._clock()
        log.append(now - max(0.0, ago))
        while len(self._logs) > 1:
            oldest = next(iter(self._logs))
            if len(self._logs) <= self._names and self._logs[oldest][-1] > now - self._longest:
                break
            del self._logs[oldest]

    def _until(self, name: str, now: float) -> float:
        log = self._logs.get(name, ())
        waits = [
            min(seconds, log[-count] + seconds - now) for count, seconds in self._limits if len(log) >= count
        ]
        return max(waits, default=0.0)
