"""Copy a whole text."""

from __future__ import annotations

from mindbot_tui.commands.on_text import OnText
from mindbot_tui.surface import Surface


class CopyText(OnText):
    name = "copy-text"
    help = "copy the whole text"

    async def run(self, console: Surface, argument: str) -> None:
        console.copy(self.text(console).whole)
