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

    def unavailable(self, console: Console, argument: str = "") -> str:
        return "" if argument or console.view.turn else console.words("no turn is selected")

    async def run(self, console: Console, argument: str) -> None:
        id = argument.strip().upper() or console.view.turn
        await console.open_turn(id)
