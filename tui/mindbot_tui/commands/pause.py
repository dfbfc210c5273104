"""Hold the screen still."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mindbot_tui.commands.base import Command

if TYPE_CHECKING:
    from mindbot_tui.app import Console


class Pause(Command):
    name = "pause"
    help = "hold the screen still, and go on; nothing is lost"

    async def run(self, console: Console, argument: str) -> None:
        console.desk.paused = not console.desk.paused
