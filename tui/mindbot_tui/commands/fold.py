"""Fold steps."""

from __future__ import annotations

from mindbot_tui.commands.in_turn import InTurn
from mindbot_tui.surface import Surface


class Fold(InTurn):
    name = "fold"
    help = "fold the selected step's inside away, or show it: stages, attempts, nodes"

    async def run(self, console: Surface, argument: str) -> None:
        assert console.turn_view is not None
        console.turn_view.fold()
