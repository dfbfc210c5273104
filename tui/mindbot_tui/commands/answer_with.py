"""Answer a parked turn oneself."""

from __future__ import annotations

from mindbot.api import debug_calls as calls
from mindbot.domain.errors import Invalid
from mindbot_tui.commands.on_parked import OnParked
from mindbot_tui.surface import Surface

_LONGEST = 100_000  # characters of a text


class AnswerWith(OnParked):
    name = "answer"
    help = "write the answer of the selected parked turn oneself; nothing else is asked"
    types = True
    argument = "TEXT"

    async def run(self, console: Surface, argument: str) -> None:
        turn = console.view.turn
        if not argument:
            console.open_prompt("answer ")
            return
        if len(argument) > _LONGEST:
            raise Invalid("this is too long")
        await self.act(console, ["answer", turn, argument], calls.answer_turn(turn, argument))
