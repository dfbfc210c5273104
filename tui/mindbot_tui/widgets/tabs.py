"""Names in a line, one of them chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual import events
from textual.message import Message

from mindbot_tui.widgets.line import Line
from mindbot_tui.widgets.paint import Piece


class Tabs(Line):
    """The first name is chosen at first."""

    @dataclass
    class Chosen(Message):
        """One was clicked."""

        name: str

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.names = names
        self.chosen = names[0]

    def put(self, name: str) -> None:
        """Choose one by its name, or the ``next`` or ``previous`` one; no such name changes nothing."""
        if name in ("next", "previous"):
            step = 1 if name == "next" else -1
            name = self.names[(self.names.index(self.chosen) + step) % len(self.names)]
        if name in self.names:
            self.chosen = name
            self.sync()

    def pieces(self, width: int) -> list[Piece]:
        return [(f" {self.words(name)} ", "chip" if name == self.chosen else "dim") for name in self.names]

    def on_click(self, event: events.Click) -> None:
        at = 0
        for name in self.names:
            at += cell_len(self.words(name)) + 2
            if event.x < at:
                self.post_message(self.Chosen(name))
                return
