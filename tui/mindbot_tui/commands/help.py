"""The keys of this place, and everything else there is to press and type."""

from __future__ import annotations

from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class OpenHelp(Command):
    name = "help"
    help = "the keys of this place, all others, all commands; Enter runs one"

    async def run(self, console: Surface, argument: str) -> None:
        await console.open_help()
