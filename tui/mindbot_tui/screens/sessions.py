"""Conversations, the most recently active first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from mindbot.api import calls
from mindbot.api.calls import ApiCall
from mindbot.api.models import SessionView
from mindbot.filters.fields import FieldSet
from mindbot_tui.cells import age
from mindbot_tui.keymap import bindings
from mindbot_tui.screens.table import Table
from mindbot_tui.state.list_fields import SESSION_FIELDS
from mindbot_tui.widgets.columns import Cell, Column
from mindbot_tui.widgets.turn_list import STATES


class Sessions(Table[SessionView]):
    view: ClassVar[str] = "sessions"
    heading: ClassVar[str] = "Sessions"
    contexts: ClassVar[tuple[str, ...]] = ("sessions", "list", "filtered")
    BINDINGS = bindings("sessions", "list", "filtered")  # type: ignore[assignment]
    cli: ClassVar[str] = "mindbot session list"
    empty: ClassVar[str] = "no conversations yet"
    fields: ClassVar[FieldSet] = SESSION_FIELDS

    def columns(self) -> Sequence[Column[SessionView]]:
        clock = self.console.state.clock
        return [
            Column(
                "ACTIVE",
                lambda s: (age(clock() - s.active) if s.active else "", "dim"),
                6,
                right=True,
                by=lambda s: -s.active,
            ),
            Column("", lambda s: STATES.get(s.state, ("?", "warn")), 1),
            Column("PLATFORM", lambda s: (f"{s.platform}/{s.bot}", "name"), 16, wide=22, least=60),
            Column("USER", lambda s: (s.user, "accent"), 12, wide=18),
            Column("CHAT", lambda s: (s.chat if s.chat != s.user else "", "text"), 10, wide=16, least=90),
            Column("TURNS", lambda s: (str(s.turns), "text"), 5, right=True),
            Column("LEFT", _left, 4, right=True, least=70),
            Column("WITH", lambda s: (s.taken_by, "wait"), 8, least=90),
            Column("LAST MESSAGE", lambda s: (s.text, "text"), weight=3),
            Column("SESSION", lambda s: (s.session, "dim"), weight=2, least=100),
        ]

    def call(self) -> ApiCall[list[SessionView]]:
        return calls.sessions(limit=200)

    def key(self, row: SessionView) -> str:
        return row.session

    @property
    def turn(self) -> str:
        return self._rows.selected.last if self._rows.selected else ""

    @property
    def session(self) -> str:
        """The selected conversation."""
        return self._rows.selected.session if self._rows.selected else ""

    @property
    def transferable(self) -> bool:
        return bool(self._rows.selected and self._rows.selected.transfer)


def _left(row: SessionView) -> Cell:
    """How much may still be said until the user writes again, where that is rationed."""
    return "" if row.left is None else str(row.left), "bad" if row.left == 0 else "text"
