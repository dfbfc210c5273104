"""Which message kills the daemon: found by running suspects alone, so that no innocent one goes with it.

A crash is held against every turn that was running. That says little: one message that kills the process
takes hundreds with it, and an operator's ``kill -9`` is nobody's fault. So the first crashes only make a turn
suspect. From then on suspects start one at a time, those with the fewest crashes first, beside all the
others: a crash counts against the few that run, the others end meanwhile, and the culprit is left. Each
time it has to wait longer after the start; what kills the process from outside then finds it waiting.

A suspect that hangs holds nobody up: once it has survived a while the next one starts. A message that kills
later than that takes those behind it along; so the while grows with the crashes that a suspect was in, until
the culprit runs alone for longer than it needs to kill.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import anyio
import structlog

from mindbot.domain.errors import StoreError
from mindbot.domain.ports.store import TurnStore
from mindbot.domain.turn import Clock, Turn

log = structlog.get_logger("mindbot.runtime")

_BESIDE_OTHERS = 3  # attempts, at most
_LONGEST_WAIT = 30.0  # seconds
SURVIVED = 2.0  # seconds that the least suspicious run before the next starts; 300 have begun in ten minutes
_LONGEST_SPACING = 60.0  # seconds


def alone(turn: Turn, max_attempts: int) -> float | None:
    """Return the seconds after the start until a suspect may run; None for a turn that is none.

    ``turn.attempt`` is one more than the crashes that found it running. It is given up past ``max_attempts``.
    """
    beside_others = max(1, min(_BESIDE_OTHERS, max_attempts // 2))
    if turn.attempt <= beside_others or buried(turn, max_attempts):
        return None
    crashes_alone = turn.attempt - beside_others - 1
    return min(_LONGEST_WAIT, 2.0 ** (crashes_alone - 1)) if crashes_alone else 0.0


def buried(turn: Turn, max_attempts: int) -> bool:
    """Tell whether a turn has been running in so many crashes that it is given up."""
    return turn.attempt > max_attempts


async def excuse(kept: TurnStore, turns: Sequence[Turn]) -> None:
    """Let a stop that could not wait for these turns not be held against them as a crash is."""
    if not turns:
        return
    try:
        with anyio.CancelScope(shield=True):
            await kept.excuse(turns)
    except StoreError as error:
        log.warning("a stop counts as a crash of its turns", turns=len(turns), error=str(error))


def spacing(wait: float) -> float:
    """Return the seconds that one who waited so long after the start runs before the next starts."""
    return min(_LONGEST_SPACING, SURVIVED + 8 * wait)


class Suspects:
    """Turns under suspicion, and which of them may start next. ``alone`` is like the function above."""

    def __init__(self, alone: Callable[[Turn], float | None], clock: Clock) -> None:
        self.waiting: list[Turn] = []  # first in their sessions
        self._alone = alone
        self._clock = clock
        self._running: list[Turn] = []  # as they started
        self._last_start = -math.inf
        self._changed = anyio.Event()

    def add(self, turn: Turn) -> bool:
        """Take a turn that is under suspicion; false for every other one."""
        if self._alone(turn) is None:
            return False
        self.waiting.append(turn)
        self._changed.set()
        return True

    async def next(self, begun: float) -> Turn:
        """Return the least suspicious one once it may start; ``begun`` is when the process did."""
        while pause := self._pause(begun):
            self._changed = anyio.Event()
            with anyio.move_on_after(pause):
                await self._changed.wait()
        turn = self._first()
        self.waiting.remove(turn)
        self._running.append(turn)
        self._last_start = self._clock()
        return turn

    def look(self) -> None:
        """Look again who may start, for a clock that is set and does not run."""
        self._changed.set()

    def ended(self, turn: Turn) -> None:
        """Learn that one has run to its end."""
        self._running.remove(turn)
        self._changed.set()

    def _first(self) -> Turn:
        return min(self.waiting, key=lambda t: (t.attempt, t.number))

    def _pause(self, begun: float) -> float:
        """Return the seconds until the next one may start, as far as it is known; 0 for now."""
        if not self.waiting:
            return math.inf
        first = self._first()
        wait = self._alone(first) or 0.0
        may_run = begun + wait
        if self._running:
            # Of the two, the more suspicious one says how long they are kept apart.
            apart = max(spacing(self._alone(t) or 0.0) for t in (first, self._running[-1]))
            may_run = max(may_run, self._last_start + apart)
        return max(0.0, may_run - self._clock())
