"""Counts of the last minutes, in slots of time: what is older falls out by itself."""

from __future__ import annotations

import time
from collections.abc import Callable


class Lately:
    """Counts ``kinds`` of things in ``slots`` of so many ``seconds``; adding to one costs no search."""

    __slots__ = ("_clock", "_counts", "_seconds", "_slot")

    def __init__(
        self, kinds: int, slots: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._slot = int(clock() / seconds)
        self._counts = [[0] * slots for _ in range(kinds)]

    def add(self, kind: int) -> None:
        """Count one more of a kind."""
        self._move()
        self._counts[kind][-1] += 1

    def recall(self, kind: int, count: int, ago: float) -> None:
        """Count some of a kind that were so many seconds ago."""
        self._move()
        counts, slots = self._counts[kind], int(max(0.0, ago) / self._seconds)
        if slots < len(counts):
            counts[-1 - slots] += count

    def series(self, kind: int) -> list[int]:
        """Return how many of a kind there were in each slot, the oldest first."""
        self._move()
        return list(self._counts[kind])

    def sum(self, kind: int) -> int:
        """Return how many of a kind there were in all slots."""
        self._move()
        return sum(self._counts[kind])

    def _move(self) -> None:
        """Begin the slot of now, and empty those in which nothing was counted."""
        slot = int(self._clock() / self._seconds)
        if (passed := slot - self._slot) <= 0:
            return
        self._slot = slot
        for counts in self._counts:
            gone = min(passed, len(counts))
            del counts[:gone]
            counts.extend([0] * gone)
