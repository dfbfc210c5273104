"""A message comes in: on disk first, then queued; only then its platform gets the acknowledgement."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import anyio

from mindbot.bus import Bus
from mindbot.domain.message import Message
from mindbot.domain.ports.platform import Receipt
from mindbot.domain.ports.store import InboxStore, Kept
from mindbot.domain.turn import Turn
from mindbot.runtime.dispatcher import PAGE, Dispatcher
from mindbot.runtime.events import tell_turn
from mindbot.runtime.identities import Identities
from mindbot.runtime.stats import Stats
from mindbot.runtime.stopping import Stopping
from mindbot.runtime.traffic import Traffic


class Intake:
    """The way in for every message, whoever brings it. ``stop`` ends an answer that is being made."""

    def __init__(
        self,
        bus: Bus,
        inbox: InboxStore,
        identities: Identities,
        dispatcher: Dispatcher,
        traffic: Traffic,
        stats: Stats,
        stopping: Stopping,
        stop: Callable[[str], bool],
    ) -> None:
        self._bus = bus
        self._inbox = inbox
        self._identities = identities
        self._dispatcher = dispatcher
        self._traffic = traffic
        self._stats = stats
        self._stopping = stopping
        self._stop = stop

    async def receive(self, message: Message) -> Receipt:
        """Put a message on disk and queue its turn. The platform gets its ack after this returns.

        Also while the daemon goes down: a platform may send what comes in on a live connection just once. Its
        turn then runs at the next start.

        Raises:
            StoreError: it is not on disk; the platform must send again.
        """
        message, learnt = await self._identities.settle(self._inbox.storable(message))
        # A caller that gives up must not leave a row that nobody runs: what it repeats is a duplicate.
        with anyio.CancelScope(shield=True):
            if learnt:
                ((turn, duplicate),) = await self._inbox.put_all([message], learnt)
                self._identities.learn(learnt)
            else:
                turn, duplicate = await self._inbox.put(message)
        return self._taken(turn, duplicate)

    async def receive_all(self, messages: Sequence[Message], kept: Sequence[Kept]) -> list[Receipt]:
        """Put messages and what a bot keeps on disk in one transaction, and queue the turns.

        Raises:
            StoreError: nothing of it is on disk.
        """
        settled: list[Message] = []
        learnt: list[Kept] = []
        for each in messages:
            message, taught = await self._identities.settle(self._inbox.storable(each))
            settled.append(message)
            learnt += taught
        with anyio.CancelScope(shield=True):
            found = await self._inbox.put_all(settled, [*kept, *learnt])
            self._identities.learn(learnt)
        return [self._taken(turn, duplicate) for turn, duplicate in found]

    async def resume(self) -> None:
        """Queue what an earlier process left open, as much as fits; the rest follows from disk."""
        page = await self._inbox.recover(PAGE)
        while page:
            for turn in page:
                self._stats.recovered += 1
                self._dispatcher.submit(turn)
            last = page[-1].number
            page = [] if self._dispatcher.spilled else await self._inbox.queued_after(last, PAGE)

    def _taken(self, turn: Turn, duplicate: bool) -> Receipt:
        if turn.message.kind != "push":
            self._traffic.of(turn.message.platform, turn.message.bot).took(duplicate=duplicate)
        if duplicate:
            self._stats.duplicates += 1
            tell_turn(self._bus, "turn.duplicate", turn)
        else:
            self._stats.received += 1
            tell_turn(self._bus, "turn.queued", turn)
            self._stopping.heard(turn, self._stop)
            self._dispatcher.submit(turn)
        return Receipt(turn.number, duplicate)
