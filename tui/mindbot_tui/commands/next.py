"""The next turn."""

from __future__ import annotations

from mindbot_tui.commands.in_turn import InTurn
from mindbot_tui.surface import Surface


class Next(InTurn):
    name = "next"
    help = "the next turn of the list"
    step = 1

    async def run(self, console: Surface, argument: str) -> None:
        assert console.turn_view is not None
        id = console.flow.neighbour(console.turn_view.turn, self.step)
        if id:
            await console.open_turn(id, instead=True)
        else:
            console.say(console.words("there is no further turn in the list"), "warn")
