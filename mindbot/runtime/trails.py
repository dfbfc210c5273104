"""Lets turns that run for long leave a trail, so that a crash does not take what is known of their steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import anyio
import structlog

from mindbot.domain.errors import StoreError
from mindbot.domain.trail import trail_of
from mindbot.domain.turn import Clock, Turn

log = structlog.get_logger("mindbot.housekeeping")

EVERY = 1.0  # seconds between two looks; a turn that is over sooner writes nothing more than its end
#: Steps of a turn of which a trail is kept: one with more would have a long one written again and again.
MOST = 500


class Trails:
    """See the module. ``running`` returns the turns that run now, ``keep`` writes one's trail soon."""

    def __init__(
        self,
        running: Callable[[], Sequence[Turn]],
        keep: Callable[[Turn, dict[str, object]], None],
        clock: Clock = time.time,
    ) -> None:
        self._running = running
        self._keep = keep
        self._clock = clock
        self._seen: dict[int, tuple[int, int]] = {}

    async def run(self) -> None:
        """Look every now and then, until cancelled."""
        while True:
            await anyio.sleep(EVERY)
            try:
                self.look()
            except StoreError as error:  # the store says itself that it is not well
                log.debug("trails have to wait", error=str(error))

    def look(self) -> None:
        """Let each turn leave a trail whose steps are others than at the last look; raises StoreError."""
        now = self._clock()
        seen: dict[int, tuple[int, int]] = {}
        for turn in self._running():
            if not turn.spans or len(turn.spans) > MOST or now - turn.started < EVERY:
                continue
            state = seen[turn.number] = (len(turn.spans), turn.innermost)
            if self._seen.get(turn.number) != state:
                self._keep(turn, trail_of(turn, now))
        self._seen = seen
