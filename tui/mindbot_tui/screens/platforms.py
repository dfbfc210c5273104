"""Bots and how their platforms are; of the selected one everything that is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import set_cell_size
from textual.app import ComposeResult

from mindbot.api import calls
from mindbot.api.calls import ApiCall
from mindbot.api.models import PlatformView
from mindbot.api.shown import facts, links
from mindbot_tui.cells import age, fit, wrap
from mindbot_tui.keymap import bindings
from mindbot_tui.screens.table import Table
from mindbot_tui.widgets.columns import Cell, Column
from mindbot_tui.widgets.paint import Piece
from mindbot_tui.widgets.text import Text

_STATES: dict[str, Cell] = {
    "ok": ("●", "ok"),
    "starting": ("◌", "busy"),
    "degraded": ("◐", "wait"),
    "failed": ("✗", "bad"),
    "stopped": ("○", "dim"),
}
_LABEL = 14  # cells


class Platforms(Table[PlatformView]):
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

    def body(self) -> ComposeResult:
        yield from super().body()
        self._facts = Text(id="bot-facts")
        yield self._facts

    def _state(self, row: PlatformView) -> Cell:
        sign, colour = _STATES.get(row.state, ("?", "warn"))
        return f"{sign} {self.console.words(row.state)}", colour

    def _reason(self, row: PlatformView) -> Cell:
        return self.console.words(row.reason), "bad" if row.state == "failed" else "wait"

    def call(self) -> ApiCall[list[PlatformView]]:
        return calls.platforms()

    def key(self, row: PlatformView) -> str:
        return f"{row.platform}/{row.bot}"

    async def load(self) -> None:
        await super().load()
        self._put_facts()

    def on_rows_moved(self) -> None:
        self._put_facts()

    def speak(self) -> None:
        super().speak()
        self._put_facts()

    def _put_facts(self) -> None:
        found = self._rows.selected
        if found is None:
            return
        room = max(self._facts.size.width - _LABEL - 1, 20)
        lines = [f"── {self.key(found)} ──"]
        for head, text in facts(found, self.console.state.clock(), self.console.words):
            for piece in wrap(text, room):
                lines.append(f"{fit(head, _LABEL)} {piece}")
                head = ""
        self._facts.put("\n".join(lines), colour=_colours)

    def on_resize(self) -> None:
        self.call_after_refresh(self._put_facts)

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


def _colours(line: str) -> list[Piece]:
    """The rule and the labels stand out."""
    if line.startswith("── "):
        return [(line, "head")]
    label = set_cell_size(line, _LABEL)
    return [(label, "dim"), (line[len(label) :], "text")]
