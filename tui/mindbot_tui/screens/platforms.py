"""Bots and how their platforms are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from mindbot.api import calls
from mindbot.api.calls import Call
from mindbot.api.models import PlatformView
from mindbot_tui.cells import age
from mindbot_tui.keymap import bindings
from mindbot_tui.screens.tables import Table
from mindbot_tui.widgets.columns import Cell, Column

_STATES: dict[str, Cell] = {
    "ok": ("● ok", "ok"),
    "starting": ("◌ starting", "busy"),
    "degraded": ("◐ degraded", "wait"),
    "failed": ("✗ failed", "bad"),
    "stopped": ("○ stopped", "dim"),
}


class Platforms(Table[PlatformView]):
    view: ClassVar[str] = "platforms"
    heading: ClassVar[str] = "Platforms"
    contexts: ClassVar[tuple[str, ...]] = ("platforms",)
    BINDINGS = bindings("platforms")  # type: ignore[assignment]
    cli: ClassVar[str] = "mindbot platform list"
    empty: ClassVar[str] = "no bots are configured"

    def columns(self) -> Sequence[Column[PlatformView]]:
        clock = self.console.desk.clock
        return [
            Column("PLATFORM", lambda p: (p.platform, "name"), 10, wide=14),
            Column("BOT", lambda p: (p.bot, "accent"), 12, wide=20),
            Column("STATE", lambda p: _STATES.get(p.state, (p.state, "warn")), 11),
            Column("SINCE", lambda p: (age(clock() - p.since) if p.since else "", "dim"), 5, right=True),
            Column("CALLBACK", lambda p: (f"{p.listen}{p.callback}", "text"), weight=2, least=60),
            Column("REASON", lambda p: (p.reason, "bad" if p.state == "failed" else "wait"), weight=2),
        ]

    def call(self) -> Call[list[PlatformView]]:
        return calls.platforms()

    def key(self, row: PlatformView) -> str:
        return f"{row.platform}/{row.bot}"

    @property
    def bot(self) -> tuple[str, str] | None:
        found = self._rows.selected
        return (found.platform, found.bot) if found else None

    @property
    def copies(self) -> str:
        found = self._rows.selected
        return f"{found.listen}{found.callback}" if found else ""
