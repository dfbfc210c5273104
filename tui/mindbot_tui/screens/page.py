"""A page of text in front of a view."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from mindbot_tui.cells import brief
from mindbot_tui.widgets.text import Text


class Page(ModalScreen[None]):
    """Any of the usual keys closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter,q,space", "dismiss", show=False)]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        with Vertical(id="page") as page:
            page.border_title = brief(self._title, 120).replace("[", "\\[")
            page.border_subtitle = "esc"
            yield Text(self._text)

    @property
    def open(self) -> bool:
        """Whether it has not been closed yet."""
        return self in self.app.screen_stack

    def put(self, text: str) -> None:
        """Show another text on it."""
        self._text = text
        for each in self.query(Text):
            each.put(text)
