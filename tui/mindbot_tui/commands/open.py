"""Open the selected line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mindbot_tui.commands.base import Command

if TYPE_CHECKING:
    from mindbot_tui.app import Console


class Open(Command):
    name = "open"
    help = "open a turn: the selected one, or by its id"
    argument = "[TURN]"

    def unavailable(self, console: Console) -> str:
        return "" if console.view.turn else console.words("no turn is selected")

    def refused(self, console: Console) -> str:
        return ""

    async def run(self, console: Console, argument: str) -> None:
        id = argument.strip().upper() or console.view.turn
        if id:
            await console.open_turn(id)
        else:
            console.say(self.unavailable(console), "warn")
