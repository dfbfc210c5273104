"""The turn that a line is about."""

from __future__ import annotations

from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class ItsTurn(Command):
    name = "its-turn"
    help = "open the turn that the selected line is about"

    def unavailable(self, console: Surface, argument: str = "") -> str:
        return "" if console.view.turn else console.words("no turn is selected")

    async def run(self, console: Surface, argument: str) -> None:
        await console.open_turn(console.view.turn)
