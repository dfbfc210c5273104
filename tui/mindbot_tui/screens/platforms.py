"""Bots and how their platforms are; of the selected one everything that is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from math import ceil
from typing import ClassVar

from mindbot.api import calls
from mindbot.api.calls import ApiCall
from mindbot.api.models import PlatformView
from mindbot.api.shown import errors, facts, links, rate
from mindbot.filters.fields import FieldSet
from mindbot_tui.cells import age, clock
from mindbot_tui.keymap import bindings
from mindbot_tui.screens.facts_table import FactsTable
from mindbot_tui.state.list_fields import PLATFORM_FIELDS
from mindbot_tui.widgets.columns import Cell, Column
from mindbot_tui.widgets.paint import Piece

_STATES: dict[str, Cell] = {
    "ok": ("●", "ok"),
    "starting": ("◌", "busy"),
    "degraded": ("◐", "wait"),
    "failed": ("✗", "bad"),
    "stopped": ("○", "dim"),
}


_BARS, _WIDE_BARS = 15, 30  # minutes


def _since(row: PlatformView) -> float:
    return -row.since


class Platforms(FactsTable[PlatformView]):
    view: ClassVar[str] = "platforms"
    heading: ClassVar[str] = "Platforms"
    contexts: ClassVar[tuple[str, ...]] = ("platforms", "filtered")
    BINDINGS = bindings("platforms", "filtered")  # type: ignore[assignment]
    cli: ClassVar[str] = "mindbot platform list"
    empty: ClassVar[str] = "no bots are configured"
    fields: ClassVar[FieldSet] = PLATFORM_FIELDS

    def columns(self) -> Sequence[Column[PlatformView]]:
        now = self.console.state.clock
        return [
            Column("PLATFORM", lambda p: (p.platform, "name"), 10, wide=14),
            Column("BOT", lambda p: (p.bot, "accent"), 12, wide=20),
            Column("STATE", self._state, 11),
            Column(
                "SINCE", lambda p: (age(now() - p.since) if p.since else "", "dim"), 5, right=True, by=_since
            ),
            Column("LINKS", lambda p: (links(p), "text"), 5, least=100),
            Column("IN/MIN", lambda p: (rate(p.traffic.minutes.received), "text"), 6, right=True, least=60),
            Column("OUT/MIN", lambda p: (rate(p.traffic.minutes.sent), "text"), 7, right=True, least=60),
            Column("ERRORS", self._errors, 6, right=True, least=60),
            Column("30 MIN", lambda p: ("", "bar"), _BARS, wide=_WIDE_BARS, least=100, draw=_bars),
            Column("REASON", self._reason, weight=2),
            Column("LAST ERROR", self._last_error, weight=2, least=110),
        ]

    def _errors(self, row: PlatformView) -> Cell:
        return errors(row.traffic.minutes), "bad" if sum(row.traffic.minutes.failed) else "dim"

    def _last_error(self, row: PlatformView) -> Cell:
        """What stays when it is over is grey."""
        t = row.traffic
        if not t.last_error:
            return "", "dim"
        return f"{clock(t.last_failed)} {t.last_error}", "bad" if t.error else "dim"

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
        """The bars stand under their counts: on a narrow list they have no column."""
        for label, text in facts(row, self.console.state.clock(), self.console.words):
            yield label, text
            if label == self.console.words("last 30 min"):
                yield "", "".join(bar for bar, _ in _bars(row, _WIDE_BARS))

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


def _bars(row: PlatformView, width: int) -> list[Piece]:
    """Return what came in by minute as little bars; a minute in which a send failed is red."""
    minutes = row.traffic.minutes
    came, failed = minutes.received[-width:], minutes.failed[-width:]
    most = max(came, default=0)
    pieces: list[Piece] = [(" " * (width - len(came)), "text")]
    for count, bad in zip_longest(came, failed, fillvalue=0):
        high = ceil(count * 8 / most) if most else 0
        pieces.append((" ▁▂▃▄▅▆▇█"[max(high, 1 if bad else 0)], "bad" if bad else "bar"))
    return pieces
