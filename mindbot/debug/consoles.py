"""Which consoles are there: what one has set goes when it has been gone for a while."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import anyio

from mindbot.domain.turn import Clock

GRACE = 5.0  # seconds that a console may be gone: its connection broke


class Consoles:
    """See the module; ``gone`` is called for each that has, ``grace`` s later; ``clock`` is the loop's."""

    def __init__(
        self, gone: Callable[[str], None], *, grace: float = GRACE, clock: Clock = anyio.current_time
    ):
        self._gone = gone
        self.grace = grace
        self._clock = clock
        self._here: Counter[str] = Counter()
        self._missing: dict[str, float] = {}  # until when (of the clock) it is waited for
        self._changed = anyio.Event()

    @contextmanager
    def attached(self, console: str) -> Iterator[None]:
        """Around one of its streams."""
        self._here[console] += 1
        self._missing.pop(console, None)
        try:
            yield
        finally:
            self._here[console] -= 1
            if not self._here[console]:
                del self._here[console]
                self.expect(console)

    def expect(self, console: str) -> None:
        """Wait for one that is not there: it has set something, or its last stream has ended."""
        if console not in self._here:
            self._missing[console] = self._clock() + self.grace
            self._changed.set()

    async def run(self) -> None:
        """Tell of those that are gone until cancelled."""
        while True:
            self._changed = anyio.Event()
            with anyio.move_on_at(min(self._missing.values(), default=math.inf)):
                await self._changed.wait()
            for console in [c for c, until in self._missing.items() if until <= self._clock()]:
                del self._missing[console]
                self._gone(console)
