"""Change panes."""

from __future__ import annotations

from mindbot_tui.commands.in_turn import InTurn
from mindbot_tui.surface import Surface


class Pane(InTurn):
    name = "pane"
    help = "from a turn's steps to its text, and back"

    async def run(self, console: Surface, argument: str) -> None:
        assert console.turn_view is not None
        console.turn_view.focus_next()
