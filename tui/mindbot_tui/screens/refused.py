"""Where something would be typed if it could be: what is typed all the same must do nothing."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Label

from mindbot_tui.cells import readable
from mindbot_tui.surface import console_of


class Refused(ModalScreen[None]):
    """Says why nothing can be written now. Any key but Escape is taken, and none is a command."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]

    def __init__(self, why: str) -> None:
        super().__init__()
        self._why = why

    def compose(self) -> ComposeResult:
        words, why = console_of(self).words, readable(self._why)
        with Vertical(id="refused"):
            yield Label(words("nothing can be written here now: {why}", why=why), markup=False)
            yield Label(words("Esc goes back"), markup=False)

    def action_leave(self) -> None:
        self.dismiss(None)

    def on_click(self) -> None:
        self.dismiss(None)
