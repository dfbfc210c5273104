"""The event bus: what happens in the daemon, who listens, and who is too slow."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import ClassVar

from mindbot.api import instrument_calls
from mindbot.api.instrument_models import BusRow
from mindbot.domain.events import TOPICS
from mindbot.filters.fields import FieldSet
from mindbot_tui.keymap import bindings
from mindbot_tui.screens.facts_table import FactsTable
from mindbot_tui.state.list_fields import BUS_FIELDS
from mindbot_tui.widgets.columns import Cell, Column
from mindbot_tui.widgets.paint import Piece
from mindbot_tui.widgets.sparks import bars

_LOOKS = 60
KINDS = ("topic", "handler", "observer", "client")


class BusScreen(FactsTable[BusRow]):
    view: ClassVar[str] = "bus"
    heading: ClassVar[str] = "Bus"
    contexts: ClassVar[tuple[str, ...]] = ("bus", "filtered")
    BINDINGS = bindings("bus", "filtered")  # type: ignore[assignment]
    cli: ClassVar[str] = "mindbot bus"
    empty: ClassVar[str] = "nothing happened yet"
    fields: ClassVar[FieldSet] = BUS_FIELDS
    every: ClassVar[float] = 2.0

    def __init__(self) -> None:
        super().__init__()
        self._looked = 0.0
        self._events: dict[str, int] = {}
        self._rates: dict[str, deque[float]] = {}  # per second, by topic
        self._lost = 0

    @property
    def title_text(self) -> str:
        if not self._lost:
            return super().title_text
        return self.console.words("Bus: {n} events lost", n=f"{self._lost:,}")

    def columns(self) -> Sequence[Column[BusRow]]:
        return [
            Column("KIND", lambda r: (self.console.words(r.kind), "dim"), 8),
            Column("NAME", self._who, weight=2),
            Column("EVENTS", lambda r: (f"{r.events:,}" if r.kind == "topic" else "", "text"), 9, right=True),
            Column("/S", self._rate, 6, right=True, by=lambda r: self._last(r)),
            Column("2 MIN", lambda r: ("", "bar"), 20, wide=30, least=70, draw=self._bars),
            Column("WAIT", lambda r: (f"{r.waiting:,}" if r.kind != "topic" else "", "text"), 6, right=True),
            Column("LOST", lambda r: (f"{r.lost:,}" if r.lost else "", "bad"), 6, right=True),
            Column("FAILED", lambda r: (f"{r.failed:,}" if r.failed else "", "bad"), 6, right=True, least=90),
            Column("TOPICS", self._topics, weight=2, least=110),
        ]

    def _who(self, row: BusRow) -> Cell:
        return row.name or " ".join(row.topics) or self.console.words("everything"), "name"

    def _topics(self, row: BusRow) -> Cell:
        return "" if row.kind == "topic" else " ".join(row.topics) or self.console.words("everything"), "dim"

    def _last(self, row: BusRow) -> float:
        rates = self._rates.get(row.name) if row.kind == "topic" else None
        return rates[-1] if rates else 0.0

    def _rate(self, row: BusRow) -> Cell:
        return f"{rate:.1f}" if (rate := self._last(row)) else "", "text"

    def _bars(self, row: BusRow, width: int) -> list[Piece]:
        return [(bars(list(self._rates.get(row.name, ())) if row.kind == "topic" else [], width), "bar")]

    async def fetch(self) -> list[BusRow]:
        found = await self.console.api.ask(instrument_calls.bus())
        now = self.console.state.clock()
        passed, self._looked = now - self._looked, now
        for row in found.rows:
            if row.kind == "topic":
                new = row.events - self._events.get(row.name, row.events)
                rates = self._rates.setdefault(row.name, deque(maxlen=_LOOKS))
                rates.append(max(new, 0) / max(passed, 0.1))
                self._events[row.name] = row.events
        self._lost = sum(row.lost for row in found.rows)
        return found.rows

    def key(self, row: BusRow) -> str:
        return f"{row.kind} {row.name or ' '.join(row.topics)}"

    def facts(self, row: BusRow) -> Iterable[tuple[str, str]]:
        words = self.console.words
        if row.kind == "topic":
            yield words("what"), TOPICS.get(row.name, "")
            yield words("follow it"), f"mindbot tail --topic {row.name}"
            return
        yield words("topics"), " ".join(row.topics) or words("everything")
        if row.filter:
            yield words("filter"), row.filter
        yield words("waiting"), f"{row.waiting:,} / {row.capacity:,}"
        yield words("lost"), f"{row.lost:,}"
        if row.kind == "handler":
            yield words("failed"), f"{row.failed:,}"

    @property
    def copies(self) -> str:
        return self._rows.selected.name if self._rows.selected else ""
