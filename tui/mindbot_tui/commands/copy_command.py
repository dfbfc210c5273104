"""Copy a command line."""

from __future__ import annotations

from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class CopyCommand(Command):
    name = "copy-command"
    help = "copy the command line of what was done last"

    def unavailable(self, console: Surface, argument: str = "") -> str:
        return "" if console.state.calls else console.words("nothing was done yet")

    async def run(self, console: Surface, argument: str) -> None:
        console.copy(console.state.calls[-1])
