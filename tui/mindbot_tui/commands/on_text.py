"""What can be done with a text in front of the reader."""

from __future__ import annotations

from mindbot_tui.commands.base import Command
from mindbot_tui.surface import ShownText, Surface


class OnText(Command):
    """Needs a text: a page, or the pane of one in a view."""

    def unavailable(self, console: Surface, argument: str = "") -> str:
        return "" if console.text is not None else console.words("there is no text here; open one")

    def text(self, console: Surface) -> ShownText:
        assert console.text is not None
        return console.text
