"""Deliveries and turns that were given up on, until somebody decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from mindbot.api import calls
from mindbot.api.calls import ApiCall
from mindbot.api.models import DeadLetter
from mindbot_tui.cells import age
from mindbot_tui.keymap import bindings
from mindbot_tui.screens.table import Table
from mindbot_tui.widgets.columns import Column


class DeadLetters(Table[DeadLetter]):
    view: ClassVar[str] = "dead"
    heading: ClassVar[str] = "Dead letters"
    contexts: ClassVar[tuple[str, ...]] = ("dead", "list")
    BINDINGS = bindings("dead", "list")  # type: ignore[assignment]
    cli: ClassVar[str] = "mindbot dlq list"
    empty: ClassVar[str] = "no dead letters: everything arrived"

    def columns(self) -> Sequence[Column[DeadLetter]]:
        clock = self.console.state.clock
        return [
            Column("AGE", lambda d: (age(clock() - (d.created or d.received)), "dim"), 4, right=True),
            Column("KIND", lambda d: (d.kind, "text"), 8),
            Column("BOT", lambda d: (f"{d.platform}/{d.bot}", "name"), 16, wide=22, least=60),
            Column("TRIES", lambda d: (str(d.attempts or ""), "text"), 5, right=True, least=60),
            Column("WHY", lambda d: (d.error or d.reason, "bad"), weight=3),
            Column("TEXT", lambda d: (d.text, "text"), weight=3, least=60),
            Column("ID", lambda d: (d.id, "dim"), 16, least=110),
        ]

    def call(self) -> ApiCall[list[DeadLetter]]:
        return calls.dead_letters(limit=1000)

    def key(self, row: DeadLetter) -> str:
        return row.id

    @property
    def dead_letter(self) -> str:
        return self._rows.selected.id if self._rows.selected else ""

    @property
    def turn(self) -> str:
        return self.dead_letter.partition("-")[0]

    @property
    def copies(self) -> str:
        return self.dead_letter
