"""Ask the daemon again."""

from __future__ import annotations

from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class Refresh(Command):
    name = "refresh"
    help = "ask the daemon again for what this view shows"

    async def run(self, console: Surface, argument: str) -> None:
        console.view.reload()
