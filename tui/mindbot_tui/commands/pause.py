"""Hold the screen still."""

from __future__ import annotations

from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class Pause(Command):
    name = "pause"
    help = "hold the screen still, and go on; nothing is lost"

    async def run(self, console: Surface, argument: str) -> None:
        console.state.paused = not console.state.paused
