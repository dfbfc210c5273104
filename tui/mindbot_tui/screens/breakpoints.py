"""Breakpoints: where turns stop, which of them, and how often they did."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from mindbot.api import debug_calls
from mindbot.api.calls import ApiCall
from mindbot.api.debug_models import BreakpointView
from mindbot.api.shown_debugger import stops
from mindbot_tui.cells import age, clock
from mindbot_tui.keymap import bindings
from mindbot_tui.screens.facts_table import FactsTable
from mindbot_tui.widgets.columns import Cell, Column


class Breakpoints(FactsTable[BreakpointView]):
    view: ClassVar[str] = "breakpoints"
    heading: ClassVar[str] = "Breakpoints"
    contexts: ClassVar[tuple[str, ...]] = ("breakpoints", "list", "filtered")
    BINDINGS = bindings("breakpoints", "list", "filtered")  # type: ignore[assignment]
    cli: ClassVar[str] = "mindbot debug list"

    def __init__(self) -> None:
        super().__init__()
        self._seen = -1  # what happened in the debugger when the daemon was asked

    def columns(self) -> Sequence[Column[BreakpointView]]:
        return [
            Column("ID", lambda b: (b.id, "name"), 5),
            Column("", _sign, 1),
            Column("STOPS", lambda b: (stops(b), "text" if b.enabled else "dim"), weight=2),
            Column("FILTER", lambda b: (b.filter, "string"), weight=3),
            Column("HITS", lambda b: (f"{b.matched:,}", "number"), 5, right=True),
            Column("STOPPED", lambda b: (f"{b.stopped:,}", "number"), 7, right=True, least=60),
            Column("OWNER", self._owner, 12, least=90),
        ]

    def _owner(self, row: BreakpointView) -> Cell:
        return self.console.words("sticky") if row.sticky else row.owner, "dim"

    def call(self) -> ApiCall[list[BreakpointView]]:
        return debug_calls.breakpoints()

    def key(self, row: BreakpointView) -> str:
        return row.id

    def nothing(self) -> str:
        if self._source.given:
            return super().nothing()
        key = self.console.keymap.first("break")
        return self.console.words("no breakpoints: {key} sets one", key=key)

    def _ask_again(self) -> None:
        state = self.console.state
        if state.link.attached and not self._asking and self._seen != state.stops.revision:
            self._seen = state.stops.revision
            self.reload()
        else:
            super()._ask_again()

    def facts(self, row: BreakpointView) -> Iterable[tuple[str, str]]:
        words, now = self.console.words, self.console.state.clock()
        yield words("stops"), stops(row)
        yield words("filter"), row.filter or words("every turn")
        yield words("state"), words("on" if row.enabled else "off")
        yield words("matched"), words("{n} times, stopped {m}", n=f"{row.matched:,}", m=f"{row.stopped:,}")
        if row.hits > 1:
            yield words("from the nth"), str(row.hits)
        if row.log:
            yield words("log only"), row.log
        yield words("seconds"), f"{row.lease:g}" if row.lease else words("as debug.lease says")
        yield words("owner"), words("nobody's: it stays") if row.sticky else row.owner
        since = words("{time}, {ago} ago", time=clock(row.created), ago=age(now - row.created))
        yield words("set at"), since

    @property
    def breakpoint(self) -> BreakpointView | None:
        """The selected one."""
        return self._rows.selected

    @property
    def opens(self) -> bool:
        return self._rows.selected is not None

    async def open(self) -> None:
        """Open the form with what the selected one says: a breakpoint like it is set."""
        self.console.run_command("break")

    @property
    def copies(self) -> str:
        return self._rows.selected.id if self._rows.selected else ""

    def on_rows_opened(self) -> None:
        self.console.run_command("open")


def _sign(row: BreakpointView) -> Cell:
    if not row.enabled:
        return "○", "dim"
    return ("◆", "accent") if row.log else ("●", "bad")
