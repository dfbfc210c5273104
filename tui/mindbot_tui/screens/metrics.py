"""The daemon in numbers: rates, lag and memory of the last minute; how long things take."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.app import ComposeResult

from mindbot.api import instrument_calls
from mindbot.api.quantiles import quantile
from mindbot.filters.fields import FieldSet
from mindbot_tui.cells import size, took
from mindbot_tui.keymap import bindings
from mindbot_tui.screens.facts_table import FactsTable
from mindbot_tui.state.list_fields import METRIC_FIELDS
from mindbot_tui.state.looks import Looks, Measured
from mindbot_tui.widgets.columns import Cell, Column
from mindbot_tui.widgets.paint import Piece
from mindbot_tui.widgets.sparks import Line as Spark
from mindbot_tui.widgets.sparks import Sparks, bars


class Metrics(FactsTable[Measured]):
    view: ClassVar[str] = "metrics"
    heading: ClassVar[str] = "Metrics"
    contexts: ClassVar[tuple[str, ...]] = ("metrics", "filtered")
    BINDINGS = bindings("metrics", "filtered")  # type: ignore[assignment]
    cli: ClassVar[str] = "mindbot metrics"
    empty: ClassVar[str] = "nothing was measured yet"
    fields: ClassVar[FieldSet] = METRIC_FIELDS
    every: ClassVar[float] = 2.0

    def __init__(self) -> None:
        super().__init__()
        self._looks = Looks()

    def body(self) -> ComposeResult:
        self._sparks = Sparks(self._lines, id="sparks")
        yield self._sparks
        yield from super().body()

    def sync(self) -> None:
        self._sparks.sync()
        super().sync()

    def _lines(self) -> list[Spark]:
        n = self.console.state.numbers
        return [
            ("messages in", n.received, f"{_last(n.received):.1f}/s"),
            ("answers out", n.answered, f"{_last(n.answered):.1f}/s"),
            ("run + queue", n.open, f"{n.running:,} + {n.queued:,}"),
            ("loop lag", n.lags, f"{n.lag:.1f} ms"),
            ("memory", n.sizes, size(n.rss)),
        ]

    def columns(self) -> Sequence[Column[Measured]]:
        return [
            Column("WHAT", lambda m: (self.console.words(m.what), "dim"), 9),
            Column("NAME", lambda m: (m.name, "name"), weight=2),
            Column("COUNT", lambda m: (f"{m.count:,}", "text"), 9, right=True),
            Column("/MIN", _rate, 6, right=True, least=70),
            Column("P50", lambda m: _at(0.5, m), 7, right=True, by=lambda m: m.p50),
            Column("P95", lambda m: _at(0.95, m), 7, right=True, by=lambda m: m.p95),
            Column("P99", lambda m: _at(0.99, m), 7, right=True, least=50, by=lambda m: m.p99),
            Column("P95 5M", _lately, 7, right=True, least=80),
            Column("MEAN", lambda m: (took(m.mean), "text"), 7, right=True, least=100, by=lambda m: m.mean),
            Column("1MS … 5MIN", lambda m: ("", "bar"), 17, least=110, draw=_shape),
        ]

    async def fetch(self) -> list[Measured]:
        found = await self.console.api.ask(instrument_calls.metric_times())
        return self._looks.take(found, self.console.state.clock())

    def key(self, row: Measured) -> str:
        return f"{row.what} {row.name}"

    def facts(self, row: Measured) -> Iterable[tuple[str, str]]:
        words = self.console.words
        yield words("what"), words(row.what)
        yield words("count"), f"{row.count:,}"
        yield words("mean"), took(row.mean)
        low = "0"
        for bound, count in zip([*(took(each) for each in row.bounds), "∞"], row.counts, strict=False):
            if count:
                share = count / row.count
                yield f"{low}–{bound}", f"{'█' * max(round(share * 30), 1)} {count:,} ({share:.0%})"
            low = bound

    @property
    def copies(self) -> str:
        found = self._rows.selected
        return self.key(found) if found else ""


def _last(values: Sequence[float] | deque[float]) -> float:
    return values[-1] if values else 0.0


def _at(q: float, row: Measured) -> Cell:
    found = quantile(q, row.bounds, row.counts)
    return "" if found is None else took(found), "text"


def _lately(row: Measured) -> Cell:
    """It stands out where it is twice what it is otherwise."""
    found = quantile(0.95, row.bounds, row.lately)
    if found is None:
        return "", "dim"
    return took(found), "wait" if found > 2 * row.p95 else "text"


def _rate(row: Measured) -> Cell:
    return (f"{row.rate:.1f}" if row.rate else ""), "text"


def _shape(row: Measured, width: int) -> list[Piece]:
    return [(bars([count**0.5 for count in row.counts], width), "bar")]
