"""Change panes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mindbot_tui.commands.turn_view import InTurn

if TYPE_CHECKING:
    from mindbot_tui.app import Console


class Pane(InTurn):
    name = "pane"
    help = "from a turn's steps to its text, and back"

    async def run(self, console: Console, argument: str) -> None:
        console.screen.focus_next()
