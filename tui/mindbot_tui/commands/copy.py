"""Copy to the clipboard, by the terminal's own means (OSC 52), so also over ssh."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mindbot_tui.commands.base import Command

if TYPE_CHECKING:
    from mindbot_tui.app import Console


class CopyId(Command):
    name = "copy"
    help = "copy the turn's id"

    def unavailable(self, console: Console, argument: str = "") -> str:
        return "" if console.view.copies else console.words("nothing is selected")

    async def run(self, console: Console, argument: str) -> None:
        console.copy_to_clipboard(console.view.copies)
        console.say(console.words("copied {what}", what=console.view.copies))
