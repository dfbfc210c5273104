"""Runs one turn through the pipeline until its end is on disk."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from itertools import takewhile
from typing import TypedDict

import anyio
import structlog

from mindbot.bus import Bus
from mindbot.domain.delivery import Delivery
from mindbot.domain.errors import StoreError, StoreUnreadable
from mindbot.domain.message import Message
from mindbot.domain.ports.store import Store
from mindbot.domain.trail import earlier
from mindbot.domain.turn import Turn
from mindbot.runtime import replaying, suspicion
from mindbot.runtime.answering import OnShow
from mindbot.runtime.dispatcher import Dispatcher
from mindbot.runtime.endings import Endings
from mindbot.runtime.events import tell_turn
from mindbot.runtime.generation import Generation
from mindbot.runtime.outbox import Outbox
from mindbot.runtime.replies import Replies, short
from mindbot.runtime.stats import Stats
from mindbot.runtime.stopping import Stopping
from mindbot.runtime.take_over import TakeOvers
from mindbot.telemetry.redaction import told

log = structlog.get_logger("mindbot.runtime")

_TOGETHER = "together"  # the memo step that says which turns are answered with this one
_PAUSE = 0.2, 5.0  # seconds until the store is tried again: at first, and at most


class _Together(TypedDict):
    turns: list[int]


class Executor:
    """What the dispatcher hands turns to. ``current`` returns the configuration they begin with."""

    def __init__(
        self,
        current: Callable[[], Generation],
        bus: Bus,
        store: Store,
        dispatcher: Dispatcher,
        outbox: Outbox,
        on_show: OnShow,
        endings: Endings,
        stats: Stats,
        stopping: Stopping,
        take_overs: TakeOvers,
    ) -> None:
        self._current = current
        self._bus = bus
        self._store = store
        self._dispatcher = dispatcher
        self._outbox = outbox
        self._on_show = on_show
        self._endings = endings
        self._stats = stats
        self._stopping = stopping
        self._take_overs = take_overs
        self._replies = Replies(outbox, dispatcher, on_show)

    async def run(self, turn: Turn) -> None:
        """Run a turn to its end, whatever happens; raises nothing but on cancellation."""
        turn.started = time.time()
        turn.spans = earlier(turn)
        current = turn.generation = self._current()
        turn.tracer, turn.config = current.tracer, current.mark
        current.turns += 1
        try:
            if suspicion.buried(turn, current.loaded.config.dispatcher.max_attempts):
                await self._bury(turn, f"the daemon died {turn.attempt - 1} times while it was running")
            else:
                await self._run(turn, current)
        except Exception as error:  # an adapter's or stage's mistake costs its turn, not the daemon
            log.exception("turn crashed", turn=turn.id)
            await self._bury(turn, f"internal: {type(error).__name__}: {error}")
        finally:
            current.turns -= 1
            await current.close_if_done()

    async def _run(self, turn: Turn, current: Generation) -> None:
        (delay, longest), tries = _PAUSE, 0
        begin = turn.snapshot()
        while True:
            turn.state = "running"
            try:
                if turn.on_disk:
                    await self._take_up(turn)
                    begin = turn.snapshot()
                tell_turn(self._bus, "turn.running", turn)
                if turn.attempt > 1:
                    await self._store.turns.begin(turn)
                await self._join(turn)
                with replaying.begin(turn):
                    await current.pipeline(turn)
                break
            except StoreError as error:
                tries += 1
                if tries >= 3 and not error.passes:
                    await self._bury(turn, str(error))
                    return
                log.warning("store failed under a turn; it runs again", turn=turn.id, error=str(error))
            turn.restore(begin)
            await anyio.sleep(delay)
            delay = min(longest, delay * 2)
        self._done(turn)

    async def _take_up(self, turn: Turn) -> None:
        """Read what a turn's message says; raises StoreError."""
        turn.message = await self._store.inbox.message(turn.number)
        turn.on_disk = False

    async def _join(self, turn: Turn) -> None:
        """Where replies are scarce, take those that wait behind this turn along: one reply answers all."""
        bot = self._outbox.bot(turn.message.platform, turn.message.bot)
        asks = self._stopping.asks
        if bot is None or bot.merges is None or not turn.message.written or asks(turn):
            return
        if turn.message.replay is not None:  # it has the words of all that its original answered
            return
        if not turn.together:
            # What comes after a word that stops the others is another question.
            before = takewhile(lambda t: not asks(t), self._dispatcher.behind(turn))
            waiting = [t for t in before if t.message.written]

            async def choose() -> _Together:
                return {"turns": [t.number for t in waiting]}

            if waiting or _TOGETHER in turn.memo:
                chosen = set((await self._store.turns.once(turn, _TOGETHER, choose))["turns"])
                said = await self._said([t for t in waiting if t.on_disk and t.number in chosen])
                turn.together = self._dispatcher.take(turn, {n for n in chosen if said.get(n, True)})
                for other in turn.together:
                    if (message := said.get(other.number)) is not None:
                        other.message, other.on_disk = message, False
        if turn.together:
            messages = [turn.message, *(t.message for t in turn.together)]
            turn.vars["asked"] = [short(m) for m in messages]
            turn.message = bot.merges.merge(messages)
            turn.vars["together"] = [t.id for t in turn.together]

    async def _said(self, turns: list[Turn]) -> dict[int, Message | None]:
        """Read what turns say that put it down; None for one that cannot be read, which costs no other."""
        found: dict[int, Message | None] = {}
        for turn in turns:
            try:
                found[turn.number] = await self._store.inbox.message(turn.number)
            except StoreUnreadable:
                found[turn.number] = None
        return found

    async def finish(self, turn: Turn) -> None:
        """Write the end of a turn that went through its stages, and what it says; raises StoreError."""
        if turn.number not in self._on_show:
            self._take_overs.keep_back(turn)
        most = await self._replies.ration(turn)
        deliveries = self._replies.of(turn, most)
        if turn.state == "answered" and not deliveries and not turn.message.tried_for:
            if (error := self._replies.unsaid(turn)) is not None:
                log.warning("turn failed", turn=turn.id, kind=error.kind, error=str(error))
            deliveries = self._replies.of(turn, most)
        await self._end(turn, deliveries)

    async def _bury(self, turn: Turn, reason: str) -> None:
        """Give a turn up: kept as a dead letter, with the least that can be written."""
        turn.reset()
        turn.spans = earlier(turn)
        turn.state, turn.reason, turn.finished = "dead", told(reason), time.time()
        where = {"turn": turn.id, "platform": turn.message.platform, "bot": turn.message.bot}
        log.warning("turn given up", **where, attempts=turn.attempt, error=turn.reason)
        if turn.message.written and self._take_overs.withholds(turn) is None:
            turn.reply.say(turn.generation.loaded.config.dispatcher.failure_notice)
        try:
            deliveries = self._replies.of(turn)
        except Exception:
            log.exception("the failure notice cannot be sent", turn=turn.id)
            deliveries = []
        await self._stubbornly(turn, lambda: self._end(turn, deliveries))
        self._done(turn)

    async def _stubbornly(self, turn: Turn, step: Callable[[], Awaitable[None]]) -> None:
        delay, longest = _PAUSE
        while True:
            try:
                return await step()
            except StoreError as error:
                log.warning("a dead turn waits for the store", turn=turn.id, error=str(error))
            await anyio.sleep(delay)
            delay = min(longest, delay * 2)

    async def _end(self, turn: Turn, deliveries: list[Delivery]) -> None:
        """Write the end of a turn with its deliveries, then send them."""
        for other in turn.together:
            other.state, other.started, other.finished = turn.state, turn.started, turn.finished
            other.reason = f"together with {turn.id}"
            other.route, other.vars = {**turn.route}, {"together": turn.id}
            other.outgoing = deliveries
        await self._store.turns.finish(turn, deliveries)
        turn.outgoing = deliveries
        if deliveries:
            self._outbox.submit(deliveries)

    def _done(self, turn: Turn) -> None:
        self._on_show.ended(turn.number)
        for other in turn.together:
            self._done(other)
        self._stats.ended(turn)
        self._endings.tell(turn.number)
        self._take_overs.ended(turn.number)
        tell_turn(self._bus, f"turn.{turn.state}", turn)
