"""Tells users who wait, and operators, that there are more turns than can run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from mindbot.domain.delivery import NOTICE, Delivery
from mindbot.domain.message import text_part
from mindbot.domain.ports.store import OutboxStore
from mindbot.domain.turn import Turn
from mindbot.runtime.generation import Generation
from mindbot.runtime.lifecycle import HealthBoard
from mindbot.runtime.outbox import Outbox
from mindbot.runtime.take_over import TakeOvers


class BusyNotices:
    """One notice for each user while the queue is long."""

    def __init__(
        self,
        current: Callable[[], Generation],
        kept: OutboxStore,
        outbox: Outbox,
        health: HealthBoard,
        take_overs: TakeOvers,
    ) -> None:
        self._current = current
        self._kept = kept
        self._outbox = outbox
        self._health = health
        self._take_overs = take_overs
        self._told: set[tuple[str, str, str]] = set()

    async def tell(self, turns: list[Turn], of_workflows: Sequence[Turn] = ()) -> None:
        """Say once to each user who waits that it takes longer; forget them when nobody waits any more.

        ``of_workflows`` run, and wait for a slot of a workflow: that is no overload of ours.
        """
        if turns:
            self._health.report("dispatcher", "degraded", f"{len(turns)} or more turns wait for a free slot")
        else:
            self._health.report("dispatcher", "ok")
        if not turns and not of_workflows:
            self._told.clear()
            return
        for waiting, state in ((turns, "queued"), (of_workflows, "running")):
            for turn in waiting:
                if turn.state == state:  # else it got its slot while others were told
                    await self._say(turn)

    async def _say(self, turn: Turn) -> None:
        notice = self._current().loaded.config.dispatcher.busy_notice
        m = turn.message
        who = (m.platform, m.bot, m.sender)
        if not notice or not m.written or m.tried_for or who in self._told or self._take_overs.of(m):
            return
        if await self._kept.delivery(turn.number, NOTICE):
            return
        self._told.add(who)
        delivery = Delivery(
            turn.number, NOTICE, m.platform, m.bot, m.session, m.reply_to, [text_part(notice)]
        )
        delivery.created = time.time()
        await self._kept.enqueue([delivery])
        self._outbox.submit([delivery])
