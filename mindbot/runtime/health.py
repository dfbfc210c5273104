"""The daemon's health in a line, kept from what is counted anyway, and told when it changes."""

from __future__ import annotations

import math
import time

import anyio
import structlog

from mindbot.bus import Bus
from mindbot.domain.errors import StoreError
from mindbot.domain.events import Event
from mindbot.domain.health import LATE, WINDOW, troubles
from mindbot.domain.ports.store import GivenUp, Store
from mindbot.domain.shapes.daemon import FailingJson, HealthSummaryJson
from mindbot.runtime.lifecycle import HealthBoard
from mindbot.runtime.outbox import Outbox
from mindbot.runtime.stats import Stats

log = structlog.get_logger("mindbot.runtime")

LOOK = 0.25  # seconds between two looks whether health has changed
COUNT_AGAIN = 60.0  # seconds after which deliveries that were given up on are counted anyhow
PURGED = 3600.0  # seconds after which turns that were given up on are counted again, where there are any
#: A count waits as many times as long as the one before took, so that a large store is not read all the time.
_REST = 20


class HealthWatch:
    """Says how the daemon is.

    What is given up on, and what operators decide about (`settled`), makes the store count again.
    """

    def __init__(self, board: HealthBoard, stats: Stats, outbox: Outbox, store: Store, bus: Bus) -> None:
        self._board = board
        self._stats = stats
        self._outbox = outbox
        self._store = store
        self._bus = bus
        self._given_up: GivenUp | None = None
        self._turns: int | None = None  # dead ones, when they were counted,
        self._counted_with = 0  # and `Stats.dead` then
        self._settled = 0
        self._settled_turns = 0
        self._recalled = False
        self._overdue, self._overdue_until = 0, -math.inf

    def settled(self, letter: str) -> None:
        """Note that an operator has decided about a delivery, or a turn, by its id, that was given up on."""
        self._settled += 1
        self._settled_turns += "-" not in letter

    def summary(self) -> HealthSummaryJson:
        """Return how the daemon is now; costs no question to the store."""
        not_ok = [each for each in self._board.list() if each["state"] != "ok"]
        failing, given_up = self._failing(), self._given_up or GivenUp()
        dead = given_up.deliveries + self._dead_turns
        overdue = self._count_overdue()
        wrong = troubles(not_ok, failing, given_up.answers, dead, overdue)
        return {
            "ok": not wrong,
            "not_ok": not_ok,
            "failing": failing,
            "overdue": overdue,
            "undelivered": given_up.answers,
            "dead_letters": dead,
            "counted": self._recalled and self._given_up is not None and self._turns is not None,
            "words": [trouble.say() for trouble in wrong],
        }

    def _failing(self) -> FailingJson:
        ended, failed = self._stats.ended_lately()
        share = round(failed / ended, 3) if ended else 0.0
        return {"window_s": WINDOW, "ended": ended, "failed": failed, "share": share}

    def _count_overdue(self) -> int:
        if (now := time.monotonic()) >= self._overdue_until:
            self._overdue = self._outbox.overdue(LATE)
            took = time.monotonic() - now
            self._overdue_until = now + max(LOOK, took * _REST)
        return self._overdue

    async def run(self) -> None:
        """Keep it up to date until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._recall)
            tasks.start_soon(self._count_deliveries)
            tasks.start_soon(self._count_turns)
            tasks.start_soon(self._tell)

    async def _recall(self) -> None:
        """Learn what ended in the last minutes before the start: a restart mends nothing."""
        started, rest = self._stats.started, LOOK
        while not self._recalled and time.time() - started < WINDOW:
            try:
                self._stats.recall(await self._store.ended(started - WINDOW, started))
                self._recalled = True
            except StoreError as error:
                log.debug("turns that ended lately cannot be counted", error=str(error))
                await anyio.sleep(rest)
                rest = min(2 * rest, COUNT_AGAIN)
        self._recalled = True  # what was before the start is no more of the last minutes

    async def _count_deliveries(self) -> None:
        """Count those that were given up on, whenever that may have changed."""
        counted_at, rest, known = -math.inf, 0.0, (-1, -1)
        while True:
            now = time.monotonic()
            what = (self._outbox.dead, self._settled)
            if now - counted_at >= (rest if what != known else COUNT_AGAIN):
                try:
                    self._given_up = await self._store.given_up()
                    known = what
                except StoreError as error:
                    log.debug("dead letters cannot be counted", error=str(error))
                counted_at = time.monotonic()
                rest = (counted_at - now) * _REST
            await anyio.sleep(LOOK)

    async def _count_turns(self) -> None:
        """Count those that were given up on once, and again where an operator has decided about some.

        What dies meanwhile is added as it does (`Stats.dead`): the store has no index for them. Retention may
        delete some of those that are known.
        """
        counted_at, rest, known = -math.inf, 0.0, (-1, -1)
        while True:
            now = time.monotonic()
            settled, dead = self._settled_turns, self._stats.dead
            stale = self._turns is None or known != (settled, self._counted_with)
            again = PURGED if self._turns else math.inf
            if now - counted_at >= (rest if stale else again):
                try:
                    self._turns, self._counted_with = await self._store.dead_turns(), dead
                    # One that died meanwhile may be in the count or not.
                    known = (settled, dead if dead == self._stats.dead else -1)
                except StoreError as error:
                    log.debug("dead turns cannot be counted", error=str(error))
                counted_at = time.monotonic()
                rest = (counted_at - now) * _REST
            await anyio.sleep(LOOK)

    @property
    def _dead_turns(self) -> int:
        return 0 if self._turns is None else self._turns + self._stats.dead - self._counted_with

    async def _tell(self) -> None:
        """Publish health when it has changed, while somebody looks."""
        told: object = None
        while True:
            if self._bus.wants("health"):
                found = self.summary()
                # Counts of turns go up all the time: they are told with the share that they make.
                seen = {**found, "failing": round(found["failing"]["share"], 2)}
                if seen != told:
                    told = seen
                    self._bus.publish(Event("health.summary", data=found))
            await anyio.sleep(LOOK)
