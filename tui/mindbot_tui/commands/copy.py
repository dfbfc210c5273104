"""Copy to the clipboard, by the terminal's own means (OSC 52), so also over ssh."""

from __future__ import annotations

from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class CopyId(Command):
    name = "copy"
    help = "copy the turn's id"

    def unavailable(self, console: Surface, argument: str = "") -> str:
        return "" if console.view.copies else console.words("nothing is selected")

    async def run(self, console: Surface, argument: str) -> None:
        console.copy(console.view.copies)
