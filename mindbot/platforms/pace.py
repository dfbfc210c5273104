"""How often a platform may be called: buckets that callers wait at, first come first served."""

from __future__ import annotations

import time
from collections.abc import Callable

import anyio


class Pace:
    """``count`` calls in ``per`` seconds, spread evenly after a first burst of ``burst``.

    `turn` waits for its place; `free` says whether there is one now, for callers who would rather leave it
    out. `hold` stops everybody for a while: the platform said that it was too much.
    """

    def __init__(
        self,
        count: float,
        per: float = 1.0,
        *,
        burst: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gap = per / count
        self._slack = max(0.0, (burst or count) - 1) * self._gap
        self._clock = clock
        self._next = 0.0  # when the bucket has one for the next caller, were it empty before

    async def turn(self) -> None:
        """Wait until it is this caller's turn. A cancelled wait gives its place away for nothing."""
        now = self._clock()
        at = max(self._next, now - self._slack)
        self._next = at + self._gap
        if at > now:
            await anyio.sleep(at - now)

    def free(self) -> bool:
        """Take a place if there is one now."""
        now = self._clock()
        at = max(self._next, now - self._slack)
        if at > now:
            return False
        self._next = at + self._gap
        return True

    def hold(self, seconds: float) -> None:
        """Let nobody through for so long."""
        self._next = max(self._next, self._clock() + seconds)
