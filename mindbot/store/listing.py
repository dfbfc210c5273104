"""A page of turns while it is looked for: what is wanted, how many, for how long, and how far it came."""

from __future__ import annotations

import time
from collections.abc import Iterable

from mindbot.domain import ids
from mindbot.domain.ports.store import TurnsFound, Wanted
from mindbot.domain.shapes.turns import TurnLineJson


class Listing:
    """Give it turns, newest first, while it is `going_on`. ``whole``: there are none older than those."""

    def __init__(self, wanted: Wanted | None, limit: int, patience: float) -> None:
        self._keep = wanted.keep if wanted else None
        self._limit = limit
        self._ends = time.monotonic() + patience
        self._turns: list[TurnLineJson] = []
        self._last = 0
        self._looked = 0
        self.whole = False

    @property
    def going_on(self) -> bool:
        """Whether there is room in the page, and time."""
        return len(self._turns) < self._limit and (not self._last or time.monotonic() < self._ends)

    def judge(self, turns: Iterable[tuple[int, TurnLineJson]]) -> bool:
        """Take those that are wanted of numbered turns; false where the page was full before the last."""
        for number, turn in turns:
            if len(self._turns) >= self._limit:
                return False
            self._last = number
            self._looked += 1
            if self._keep is None or self._keep(turn):
                self._turns.append(turn)
        return True

    def passed(self, number: int) -> None:
        """Learn that no turn from this one on is wanted any more, but for those that were judged."""
        if len(self._turns) < self._limit:  # a full page goes on behind its last turn
            self._last = min(self._last, number) if self._last else number

    def found(self) -> TurnsFound:
        """Return the page."""
        if self.whole:
            return TurnsFound(self._turns, looked=self._looked)
        return TurnsFound(self._turns, ids.show(self._last), ids.moment(self._last), self._looked)
