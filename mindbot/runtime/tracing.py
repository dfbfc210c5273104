"""A turn's tracer: its steps are told to whoever looks, and held where a breakpoint says so."""

from __future__ import annotations

from mindbot.bus import Bus
from mindbot.debug.gate import TurnGate
from mindbot.domain.span import Span
from mindbot.domain.turn import Turn
from mindbot.runtime.events import SpanEvents


class TurnTracer:
    """See the module. ``active`` follows whether somebody looks at spans, or a turn could be held."""

    def __init__(self, bus: Bus, gate: TurnGate) -> None:
        self.active = False
        self._told = SpanEvents(bus)
        self._gate = gate
        #: Hold a turn around a stage, before a step inside one, and after it; see `Tracer`.
        self.around, self.gate, self.left = gate.around, gate.gate, gate.left
        self.words = self._told.words
        gate.changed = self._look
        bus.on_interest(self._look)

    def _look(self) -> None:
        self.active = self._told.active or self._gate.watching

    def opened(self, turn: Turn, span: Span) -> None:
        """Tell that a step begins."""
        if self._told.active:
            self._told.opened(turn, span)

    def closed(self, turn: Turn, span: Span) -> None:
        """Tell that a step ended."""
        if self._told.active:
            self._told.closed(turn, span)
