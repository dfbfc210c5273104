"""Copy a command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mindbot_tui.commands.base import Command

if TYPE_CHECKING:
    from mindbot_tui.app import Console


class CopyCommand(Command):
    name = "copy-command"
    help = "copy the command line of what was done last"

    def unavailable(self, console: Console, argument: str = "") -> str:
        return "" if console.desk.calls else console.words("nothing was done yet")

    async def run(self, console: Console, argument: str) -> None:
        console.copy_to_clipboard(console.desk.calls[-1])
        console.say(console.words("copied {what}", what=console.desk.calls[-1]))
