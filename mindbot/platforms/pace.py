"""How often a platform may be called: buckets that callers wait at, first come first served.

Who would have to wait for long is sent away with `RateLimited` instead: a delivery that waits inside its
own attempt would run into that attempt's deadline, and nobody could tell that it had not left.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio

from mindbot.domain.errors import RateLimited

PATIENCE = 20.0  # seconds a caller waits at most; shorter than the deadline of one attempt to send


class Pace:
    """``count`` calls in ``per`` seconds, spread evenly after a first burst of ``burst``.

    `turn` waits for its place; `free` says whether there is one now, for callers who would rather leave it
    out, and `soon` waits for one that is not far. `hold` stops everybody for a while: the platform said that
    it was too much.
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

    async def turn(self, patience: float = PATIENCE) -> None:
        """Wait until it is this caller's turn. A cancelled wait gives its place away for nothing.

        Raises:
            RateLimited: that would take longer than ``patience`` seconds; no place was taken.
        """
        now = self._clock()
        at = max(self._next, now - self._slack)
        if at - now > patience:
            raise _later(at - now)
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

    async def soon(self, seconds: float) -> bool:
        """Wait for a place that comes within so many seconds; False at once when none does."""
        if max(self._next, self._clock() - self._slack) > self._clock() + seconds:
            return False
        await self.turn()
        return True

    def hold(self, seconds: float) -> None:
        """Let nobody through for so long."""
        self._next = max(self._next, self._clock() + seconds)


class Quota:
    """At most ``count`` calls in any ``per`` seconds, however they are spread: what a platform counts itself.

    It counts in sixtieths of the window, so a call may be held for that much longer than needed.
    """

    def __init__(self, count: int, per: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._count = count
        self._per = per
        self._slot = per / 60
        self._clock = clock
        self._slots: deque[list[float]] = deque()  # [begin, calls]
        self._calls = 0.0

    def wait(self) -> float:
        """Return the seconds until there is a place; 0 when there is one."""
        now = self._clock()
        while self._slots and self._slots[0][0] + self._slot + self._per <= now:
            self._calls -= self._slots.popleft()[1]
        if self._calls < self._count:
            return 0.0
        return self._slots[0][0] + self._slot + self._per - now

    def take(self) -> None:
        """Count a call."""
        now = self._clock()
        if not self._slots or now - self._slots[-1][0] >= self._slot:
            self._slots.append([now, 0])
        self._slots[-1][1] += 1
        self._calls += 1


class Gate:
    """The way to one API of one account: what its quotas allow, and so many at once.

    What the platform says comes on top: `hold` closes the gate for a while, `fewer` halves how many may be
    on their way at once, and calls that pass win back what was lost one by one.
    """

    def __init__(
        self, *quotas: Quota, at_once: int = 200, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._quotas = quotas
        self._most = self._may = at_once
        self._inside = 0
        self._passed = 0
        self._clock = clock
        self._closed_until = 0.0
        self._waiting: deque[anyio.Event] = deque()

    @property
    def at_once(self) -> int:
        """How many calls may be on their way now."""
        return self._may

    @asynccontextmanager
    async def passing(self, patience: float = PATIENCE) -> AsyncIterator[None]:
        """Hold one place for the length of the block.

        Raises:
            RateLimited: there will be none for ``patience`` seconds.
        """
        try:
            await self._enter(patience)
        except BaseException:
            self._wake()  # somebody left for this caller, who does not go in
            raise
        try:
            yield
        finally:
            self._inside -= 1
            self._wake()

    async def _enter(self, patience: float) -> None:
        end = self._clock() + patience
        while True:
            now = self._clock()
            wait = max(self._closed_until - now, *(quota.wait() for quota in self._quotas), 0.0)
            if wait and now + wait > end:
                raise _later(wait)
            if wait:
                await anyio.sleep(wait)
            elif self._inside < self._may:
                break
            else:
                await self._one_leaves(end - now)
        self._inside += 1
        for quota in self._quotas:
            quota.take()

    async def _one_leaves(self, patience: float) -> None:
        event = anyio.Event()
        self._waiting.append(event)
        try:
            with anyio.move_on_after(patience):
                await event.wait()
        finally:
            if not event.is_set():
                self._waiting.remove(event)
        if not event.is_set():
            raise RateLimited("too many calls are on their way", retry_after=1.0, scope="session")

    def _wake(self) -> None:
        if self._waiting and self._inside < self._may:
            self._waiting.popleft().set()

    def hold(self, seconds: float) -> None:
        """Let nobody through for so long."""
        self._closed_until = max(self._closed_until, self._clock() + seconds)

    def fewer(self) -> None:
        """The platform had too many at once: half as many from now on."""
        self._may = max(1, min(self._may, self._inside or self._may) // 2)
        self._passed = 0

    def well(self) -> None:
        """A call went through: after as many as may be at once, one more may."""
        if self._may < self._most:
            self._passed += 1
            if self._passed >= self._may:
                self._may, self._passed = self._may + 1, 0
                self._wake()


def _later(wait: float) -> RateLimited:
    return RateLimited("as many calls were made as are allowed", retry_after=wait, scope="session")
