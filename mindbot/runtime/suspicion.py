"""Which message kills the daemon: found by running suspects alone, so that no innocent one goes with it.

A crash is held against every turn that was running. That says little: one message that kills the process
takes hundreds with it, and an operator's ``kill -9`` is nobody's fault. So the first crashes only make a turn
suspect. From then on suspects start one at a time, those with the fewest crashes first, beside all the
others: a crash counts against one of them at most, the others end meanwhile, and the culprit is left. Each
time it has to wait longer after the start; what kills the process from outside then finds it waiting.

A suspect that hangs holds nobody up: once it has survived a while the next one starts, and a crash counts
against the one that started last. A message that kills late would be taken for the one behind it; so the
while doubles with each crash, until it is killed within its own.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable

import anyio
import structlog

from mindbot.domain.errors import StoreError
from mindbot.domain.turn import Clock, Turn

log = structlog.get_logger("mindbot.runtime")

_BESIDE_OTHERS = 3  # attempts, at most
_LONGEST_WAIT = 30.0  # seconds
#: Seconds of running after which the next suspect may start; 300 of them have begun in ten minutes.
SURVIVED = 2.0
_STORE_AGAIN = 1.0  # seconds


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


async def _nothing(turn: Turn) -> None:
    return None


class Suspects:
    """Turns under suspicion: which may run next, and which one a crash would be held against.

    Args:
        alone: like the function above.
        clock: seconds.
        hold: counts the attempt of a running turn on disk; raises StoreError.
        excuse: lets it not count; raises StoreError.
        survived: seconds of running after which the next may start; twice the longest wait, if that is more.
    """

    def __init__(
        self,
        alone: Callable[[Turn], float | None],
        clock: Clock,
        *,
        hold: Callable[[Turn], Awaitable[None]] = _nothing,
        excuse: Callable[[Turn], Awaitable[None]] = _nothing,
        survived: float = SURVIVED,
    ) -> None:
        self.waiting: list[Turn] = []  # first in their sessions
        self._alone = alone
        self._clock = clock
        self._hold = hold
        self._excuse = excuse
        self._survived = survived
        self._running: list[Turn] = []  # as they started
        self._excused: set[int] = set()
        self._last_start = -math.inf
        self._changed = anyio.Event()

    def add(self, turn: Turn) -> bool:
        """Take a turn that is under suspicion; false for every other one."""
        wait = self._alone(turn)
        if wait is None:
            return False
        self._survived = max(self._survived, 2 * wait)
        self.waiting.append(turn)
        self._changed.set()
        return True

    async def next(self, begun: float) -> Turn:
        """Return the least suspicious one once it may run; ``begun`` is when the process did."""
        while True:
            self._changed = anyio.Event()
            try:
                await self._hold_the_last()
                pause = self._pause(begun)
                if not pause:
                    return await self._start()
            except StoreError as error:
                log.warning("suspects wait for the store", waiting=len(self.waiting), error=str(error))
                pause = _STORE_AGAIN
            with anyio.move_on_after(pause):
                await self._changed.wait()

    def look(self) -> None:
        """Look again who may run."""
        self._changed.set()

    def ended(self, turn: Turn) -> None:
        """Learn that one has run to its end."""
        self._running.remove(turn)
        self._excused.discard(turn.number)
        self._changed.set()

    def _first(self) -> Turn:
        return min(self.waiting, key=lambda t: (t.attempt, t.number))

    def _pause(self, begun: float) -> float:
        """Return the seconds until the next one may start, as far as it is known; 0 for now."""
        if not self.waiting:
            return math.inf
        may_run = begun + (self._alone(self._first()) or 0.0)
        if self._running:
            may_run = max(may_run, self._last_start + self._survived)
        return max(0.0, may_run - self._clock())

    async def _start(self) -> Turn:
        if self._running:
            last = self._running[-1]
            await self._excuse(last)
            self._excused.add(last.number)
        turn = self._first()
        self.waiting.remove(turn)
        self._running.append(turn)
        self._last_start = self._clock()
        return turn

    async def _hold_the_last(self) -> None:
        """Count the attempt of the youngest that runs still: those that started behind it have ended."""
        if self._running and (last := self._running[-1]).number in self._excused:
            await self._hold(last)
            self._excused.discard(last.number)
