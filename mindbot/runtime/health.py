"""The daemon's health in a line, kept from what is counted anyway, and told when it changes."""

from __future__ import annotations

import math
import time

import anyio
import structlog

from mindbot.bus import Bus
from mindbot.domain.errors import StoreError
from mindbot.domain.events import Event
from mindbot.domain.health import NONE_SLOW, NONE_WAIT, SLOW, WINDOW, troubles
from mindbot.domain.ports.store import GivenUp, Store
from mindbot.domain.shapes.daemon import FailingJson, HealthSummaryJson, SlowJson, WaitingJson
from mindbot.domain.turn import Turn
from mindbot.runtime.dispatcher import Dispatcher
from mindbot.runtime.lifecycle import HealthBoard
from mindbot.runtime.outbox import Outbox
from mindbot.runtime.stats import Stats

log = structlog.get_logger("mindbot.runtime")

LOOK = 0.25  # seconds between two looks whether health has changed
LOOK_AT_DELAYS = 1.0  # seconds between two looks at what waits and what runs: each costs as much as there is
_TOLD = 5.0  # seconds in which a delay that only grows is told once
COUNT_AGAIN = 60.0  # seconds after which deliveries that were given up on are counted anyhow
PURGED = 3600.0  # seconds after which turns that were given up on are counted again, where there are any
#: A count waits as many times as long as the one before took, so that a large store is not read all the time.
_REST = 20


class HealthWatch:
    """Says how the daemon is.

    What is given up on, and what operators decide about (`settled`), makes the store count again.
    """

    def __init__(
        self,
        board: HealthBoard,
        stats: Stats,
        outbox: Outbox,
        store: Store,
        bus: Bus,
        dispatcher: Dispatcher,
    ) -> None:
        self._board = board
        self._stats = stats
        self._outbox = outbox
        self._store = store
        self._bus = bus
        self._dispatcher = dispatcher
        self._waiting: WaitingJson = NONE_WAIT
        self._slow: SlowJson = NONE_SLOW
        self._given_up: GivenUp | None = None
        self._turns: int | None = None  # dead ones, when they were counted,
        self._counted_with = 0  # and `Stats.dead` then
        self._settled = 0
        self._settled_turns = 0
        self._recalled = False

    def settled(self, letter: str) -> None:
        """Note that an operator has decided about a delivery, or a turn, by its id, that was given up on."""
        self._settled += 1
        self._settled_turns += "-" not in letter

    def summary(self) -> HealthSummaryJson:
        """Return how the daemon is now; costs no question to the store."""
        not_ok = [each for each in self._board.list() if each["state"] != "ok"]
        failing, given_up = self._failing(), self._given_up or GivenUp()
        dead = given_up.deliveries + self._dead_turns
        wrong = troubles(not_ok, failing, given_up.answers, dead, waiting=self._waiting, slow=self._slow)
        return {
            "ok": not wrong,
            "not_ok": not_ok,
            "failing": failing,
            "waiting": self._waiting,
            "slow": self._slow,
            "undelivered": given_up.answers,
            "dead_letters": dead,
            "counted": self._recalled and self._given_up is not None and self._turns is not None,
            "words": [trouble.say() for trouble in wrong],
        }

    def _failing(self) -> FailingJson:
        ended, failed = self._stats.ended_lately()
        share = round(failed / ended, 3) if ended else 0.0
        return {"window_s": WINDOW, "ended": ended, "failed": failed, "share": share}

    async def run(self) -> None:
        """Keep it up to date until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._recall)
            tasks.start_soon(self._count_deliveries)
            tasks.start_soon(self._count_turns)
            tasks.start_soon(self._look_at_delays)
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

    async def _look_at_delays(self) -> None:
        """Look at what waits to be sent, at turns that run for long, and at bots whose sends fail."""
        while True:
            now = time.time()
            answers, oldest = self._outbox.held_up(now)
            self._waiting = {"answers": answers, "oldest_s": round(oldest, 1)}
            slow = [t.took for t in self._dispatcher.under_way() if _silent(t, now) >= SLOW]
            self._slow = {"turns": len(slow), "oldest_s": round(max(slow, default=0.0), 1)}
            for (platform, bot), traffic in self._outbox.traffic:
                self._board.doubt(f"bot {platform}/{bot}", traffic.doubt(now))
            await anyio.sleep(max(LOOK_AT_DELAYS, (time.time() - now) * _REST))

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
                # Counts of turns go up all the time, and so do delays: they are told with what they make.
                seen = {**found, "failing": round(found["failing"]["share"], 2), "words": None}
                seen["waiting"] = found["waiting"]["answers"], found["waiting"]["oldest_s"] // _TOLD
                seen["slow"] = found["slow"]["turns"], found["slow"]["oldest_s"] // _TOLD
                if seen != told:
                    told = seen
                    self._bus.publish(Event("health.summary", data=found))
            await anyio.sleep(LOOK)


def _silent(turn: Turn, now: float) -> float:
    """Return the seconds for which a turn has run and said nothing; a stream that goes on is not slow."""
    return now - max(turn.started or turn.message.received, turn.said_at)
