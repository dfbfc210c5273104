"""The line in which one types what is searched for in a text."""

from __future__ import annotations

from typing import ClassVar

from textual.widgets import Input

from mindbot.domain.errors import Invalid
from mindbot_tui.screens.prompt import Prompt
from mindbot_tui.widgets.offers import Offer
from mindbot_tui.widgets.text import Text


class SearchLine(Prompt):
    """Hits are marked while one types; Escape puts the text back where it was."""

    mark: ClassVar[str] = " / "

    def __init__(self, text: Text, history: list[str] | None = None) -> None:
        super().__init__("", history)
        self._text = text
        self._before = text.searched, round(text.scroll_y)

    def on_input_changed(self, event: Input.Changed) -> None:
        self._find(event.value)

    def _find(self, words: str) -> None:
        """Look from where the reader was."""
        self._text.scroll_to(y=self._before[1], animate=False, immediate=True)
        try:
            self._text.find(words)
        except Invalid:  # an expression that is not finished yet
            self._text.find("")

    def use(self, typed: str) -> None:
        """Go on from the hit that is marked already."""
        try:
            if typed != self._text.searched:
                self._text.find(typed)
        except Invalid as error:
            self.console.say(str(error), "bad")
            return
        if not self._text.hits:
            if typed:
                self.console.say(self.console.words("{what}: not found", what=typed), "warn")
            self._text.find("")
        self.dismiss(typed)

    def _complete(self, text: str, cursor: int) -> list[Offer]:
        return []

    def action_leave(self) -> None:
        self._find(self._before[0])
        self._text.scroll_to(y=self._before[1], animate=False, immediate=True)
        self.dismiss("")
