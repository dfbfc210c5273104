"""Leave."""

from __future__ import annotations

from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class Quit(Command):
    name = "quit"
    help = "leave; the daemon goes on"

    async def run(self, console: Surface, argument: str) -> None:
        console.exit()
