"""Find a command."""

from __future__ import annotations

from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class OpenPalette(Command):
    name = "palette"
    help = "find a command"

    async def run(self, console: Surface, argument: str) -> None:
        console.open_palette()
