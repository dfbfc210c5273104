"""Open the selected line."""

from __future__ import annotations

from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class Open(Command):
    name = "open"
    help = "open a turn: the selected one, or by its id"
    argument = "[TURN]"

    def unavailable(self, console: Surface, argument: str = "") -> str:
        return "" if argument or console.view.turn else console.words("no turn is selected")

    async def run(self, console: Surface, argument: str) -> None:
        id = argument.strip().upper() or console.view.turn
        await console.open_turn(id)
