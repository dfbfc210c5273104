"""The debugger inside the runtime: what the gate asks of it, and the breakpoints that are kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import structlog

from mindbot.bus import Bus
from mindbot.config.debugging import DebugSettings
from mindbot.debug.breakpoints import MOST, Breakpoint, Breakpoints
from mindbot.debug.consoles import Consoles
from mindbot.debug.gate import TurnGate
from mindbot.domain.errors import MindBotError
from mindbot.domain.events import Event
from mindbot.domain.ports.store import Kept, Store
from mindbot.domain.turn import STAGE, Turn
from mindbot.runtime import suspicion
from mindbot.runtime.dispatcher import Dispatcher
from mindbot.runtime.events import tell_stop
from mindbot.runtime.generation import Generation
from mindbot.runtime.outbox import Outbox
from mindbot.runtime.tracing import TurnTracer

log = structlog.get_logger("mindbot.debug")
#: Stages outside of the one that gives an apology to who has waited too long (`dispatcher.stale_after`).
_BEFORE_LIMITS = frozenset(("deliver", "errors", "access", "limits"))
_PART = "debug"  # under whose name breakpoints are kept


class _Around:
    """What the gate asks; see `mindbot.debug.gate.Around`."""

    def __init__(
        self,
        current: Callable[[], Generation],
        bus: Bus,
        store: Store,
        dispatcher: Dispatcher,
        outbox: Outbox,
    ) -> None:
        self._current = current
        self._bus = bus
        self._turns = store.turns
        self._dispatcher = dispatcher
        self._outbox = outbox

    def settings(self) -> DebugSettings:
        return self._current().loaded.config.debug

    def lend(self, turn: Turn) -> AbstractAsyncContextManager[None]:
        return self._dispatcher.lend(turn)

    def answer_until(self, turn: Turn) -> float:
        message, late = turn.message, self._current().loaded.config.dispatcher.stale_after
        bot = self._outbox.bot(message.platform, message.bot)
        until = math.inf
        if bot is not None and bot.answers_in_time is not None:
            until = bot.answers_in_time.answer_until(message)
        begun = {span.name for span in turn.spans if span.kind == STAGE}
        if late and message.written and begun <= _BEFORE_LIMITS:
            until = min(until, message.received + late)
        return until

    async def excuse(self, turn: Turn) -> None:
        await suspicion.excuse(self._turns, [turn])

    async def accuse(self, turn: Turn) -> None:
        await self._turns.begin(turn)

    def tell(self, kind: str, turn: Turn, more: Mapping[str, Any]) -> None:
        tell_stop(self._bus, kind, turn, more)

    def tell_log(self, turn: Turn, data: Mapping[str, Any]) -> None:
        if self._bus.wants("debug"):
            self._bus.publish(Event("debug.log", turn.id, data))


class Debugging:
    """Breakpoints, the gate and the consoles; ``run`` beside the turns, ``close`` before a drain."""

    def __init__(
        self,
        current: Callable[[], Generation],
        bus: Bus,
        store: Store,
        dispatcher: Dispatcher,
        outbox: Outbox,
    ) -> None:
        self.current = current
        self.bus = bus
        self.breakpoints = Breakpoints()
        self.gate = TurnGate(self.breakpoints, _Around(current, bus, store, dispatcher, outbox))
        #: Of all turns.
        self.tracer = TurnTracer(bus, self.gate)
        self.consoles = Consoles(self._gone)
        #: Tells which consoles are gone, until cancelled.
        self.run = self.consoles.run
        #: Hold no turn any more; returns when none is held.
        self.close = self.gate.close
        self._store = store.keep

    async def load(self) -> None:
        """Set the breakpoints again that an earlier process kept; raises StoreError."""
        for id, kept in (await self._store.items(_PART, "", "", MOST)).items():
            try:
                self.breakpoints.put_back(id, kept)
            except (MindBotError, ValueError, TypeError) as error:
                log.warning("a kept breakpoint cannot be used", breakpoint=id, error=str(error))

    async def keep(self, breakpoint: Breakpoint) -> None:
        """Keep one that is sticky over restarts, or no longer; raises StoreError."""
        if breakpoint.sticky:
            await self._store.write([Kept(_PART, "", breakpoint.id, breakpoint.to_json())])
        else:
            await self.forget([breakpoint.id])

    async def forget(self, ids: list[str]) -> None:
        """Keep these no longer; raises StoreError."""
        await self._store.write([Kept(_PART, "", id, {}, 0) for id in ids])

    def _gone(self, console: str) -> None:
        ids = [each.id for each in self.breakpoints if each.owner == console]
        self.breakpoints.remove(ids)
        freed = self.gate.free(lambda parked: parked.owner == console, "")
        self.gate.leave(console)
        for id in ids:
            self.bus.publish(
                Event("debug.breakpoint", data={"breakpoint": id, "action": "cleared", "by": ""})
            )
        if ids or freed:
            log.info("a console has gone", console=console, breakpoints=ids, freed=len(freed))
