"""What operators did about dead letters lately: every console sees what came of it."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from mindbot.domain.shapes.turns import DeadLetterJson, Settling

KEPT = 900.0  # seconds
_MOST = 1000


@dataclass(frozen=True, slots=True)
class Act:
    """``letter`` as it was before, ``at`` in Unix seconds."""

    letter: DeadLetterJson
    did: Settling
    at: float


class LatelySettled:
    """The last acts, the newest one of each letter. Not kept over restarts: what came of them is."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._acts: OrderedDict[str, Act] = OrderedDict()

    def note(self, letter: DeadLetterJson, did: Settling) -> None:
        """Keep what was done about a letter."""
        self._acts.pop(letter["id"], None)
        self._acts[letter["id"]] = Act(letter, did, self._clock())
        if len(self._acts) > _MOST:
            self._acts.popitem(last=False)

    def lately(self) -> dict[str, Act]:
        """Return the acts of the last quarter of an hour, by letter."""
        oldest = self._clock() - KEPT
        while self._acts and next(iter(self._acts.values())).at < oldest:
            self._acts.popitem(last=False)
        return dict(self._acts)
