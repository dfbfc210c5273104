"""Look for a key or a command by what it does."""

from __future__ import annotations

from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class FindKey(Command):
    name = "find-key"
    help = "in the help: only what says this"

    async def run(self, console: Surface, argument: str) -> None:
        await console.open_help()
        console.view.write()
