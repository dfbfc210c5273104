"""Bots and how their platforms are; of the selected one everything that is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from mindbot.api import calls
from mindbot.api.calls import ApiCall
from mindbot.api.models import PlatformView
from mindbot.api.shown import facts, links
from mindbot_tui.cells import age
from mindbot_tui.keymap import bindings
from mindbot_tui.screens.facts_table import FactsTable
from mindbot_tui.widgets.columns import Cell, Column

_STATES: dict[str, Cell] = {
    "ok": ("●", "ok"),
    "starting": ("◌", "busy"),
    "degraded": ("◐", "wait"),
    "failed": ("✗", "bad"),
    "stopped": ("○", "dim"),
}


class Platforms(FactsTable[PlatformView]):
    view: ClassVar[str] = "platforms"
    heading: ClassVar[str] = "Platforms"
    contexts: ClassVar[tuple[str, ...]] = ("platforms",)
    BINDINGS = bindings("platforms")  # type: ignore[assignment]
    cli: ClassVar[str] = "mindbot platform list"
    empty: ClassVar[str] = "no bots are configured"

    def columns(self) -> Sequence[Column[PlatformView]]:
        clock = self.console.state.clock
        return [
            Column("PLATFORM", lambda p: (p.platform, "name"), 10, wide=14),
            Column("BOT", lambda p: (p.bot, "accent"), 12, wide=20),
            Column("STATE", self._state, 11),
            Column("SINCE", lambda p: (age(clock() - p.since) if p.since else "", "dim"), 5, right=True),
            Column("LINKS", lambda p: (links(p), "text"), 5, least=60),
            Column("IN", lambda p: (str(p.traffic.received), "text"), 7, right=True, least=60),
            Column("OUT", lambda p: (str(p.traffic.sent), "text"), 7, right=True, least=60),
            Column("REASON", self._reason, weight=2),
            Column("CALLBACK", lambda p: (f"{p.listen}{p.callback}", "text"), weight=2, least=100),
        ]

    def _state(self, row: PlatformView) -> Cell:
        sign, colour = _STATES.get(row.state, ("?", "warn"))
        return f"{sign} {self.console.words(row.state)}", colour

    def _reason(self, row: PlatformView) -> Cell:
        return self.console.words(row.reason), "bad" if row.state == "failed" else "wait"

    def call(self) -> ApiCall[list[PlatformView]]:
        return calls.platforms()

    def key(self, row: PlatformView) -> str:
        return f"{row.platform}/{row.bot}"

    def facts(self, row: PlatformView) -> Iterable[tuple[str, str]]:
        return facts(row, self.console.state.clock(), self.console.words)

    @property
    def bot(self) -> tuple[str, str] | None:
        found = self._rows.selected
        return (found.platform, found.bot) if found else None

    @property
    def bot_state(self) -> str:
        return self._rows.selected.state if self._rows.selected else ""

    @property
    def copies(self) -> str:
        found = self._rows.selected
        return f"{found.listen}{found.callback}" if found else ""
