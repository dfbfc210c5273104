"""Open the selected line."""

from __future__ import annotations

from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class Open(Command):
    name = "open"
    help = "open the selected line, or a turn by its id"
    argument = "[TURN]"

    def unavailable(self, console: Surface, argument: str = "") -> str:
        return "" if argument or console.view.opens else console.words("nothing is selected")

    async def run(self, console: Surface, argument: str) -> None:
        if id := argument.strip().upper():
            await console.open_turn(id)
        else:
            await console.view.open()
