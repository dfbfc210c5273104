"""Tells a turn's record once more when what became of its answer changes after its end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import structlog

from mindbot.bus import Bus
from mindbot.domain import ids
from mindbot.domain.delivery import Delivery
from mindbot.domain.errors import StoreError
from mindbot.domain.events import Event
from mindbot.domain.ports.store import Queries
from mindbot.domain.shapes.turns import TurnLineJson
from mindbot.runtime.events import clip
from mindbot.telemetry.redaction import redactor

log = structlog.get_logger("mindbot.runtime")

AT_ONCE = 100  # turns that one question is for


class Retelling:
    """Who saw a turn end learns here that its answer waits, nobody got it, or somebody did at last.

    A first attempt that arrives is told by its delivery's event alone: nothing here costs a message that
    goes well anything. The records are read from the store, as a list shows them.
    """

    def __init__(self, bus: Bus, queries: Callable[[], Awaitable[Queries]]) -> None:
        self._bus = bus
        self._queries = queries
        self._turns: dict[int, None] = {}  # in order
        self._more = anyio.Event()

    def ended(self, d: Delivery) -> None:
        """Take note of a delivery whose end is on disk."""
        if d.state == "dead" or d.attempts > 1 or d.revived:
            self.again(d.turn)

    def refused(self, d: Delivery) -> None:
        """Take note of a delivery whose first attempt failed, and why: it waits for another."""
        self.again(d.turn)

    def again(self, turn: int) -> None:
        """Tell a turn again, where somebody looks; never waits."""
        if self._bus.wants("turn"):
            self._turns[turn] = None
            self._more.set()

    async def run(self) -> None:
        """Tell until cancelled."""
        while True:
            await self._more.wait()
            self._more = anyio.Event()
            while self._turns:
                some = list(self._turns)[:AT_ONCE]
                for turn in some:
                    del self._turns[turn]
                await self._tell(some)

    async def _tell(self, turns: list[int]) -> None:
        try:
            lines: list[TurnLineJson] = redactor.known(await (await self._queries()).lines_of(turns))
        except StoreError as error:
            shown = ", ".join(map(ids.show, turns))
            log.warning("what became of answers could not be told", turns=shown, error=str(error))
            return
        for line in lines:
            for name in ("text", "reply", "reason"):
                line[name] = clip(line[name])
            self._bus.publish(Event("turn.delivery", line["id"], line))
