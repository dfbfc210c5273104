"""Show the phone."""

from __future__ import annotations

from mindbot_tui.commands.in_turn import InTurn
from mindbot_tui.surface import Surface


class ShowPhone(InTurn):
    name = "phone"
    help = "show what the user sees now, beside the turn's steps, and back"

    async def run(self, console: Surface, argument: str) -> None:
        assert console.turn_view is not None
        console.turn_view.show_phone()
