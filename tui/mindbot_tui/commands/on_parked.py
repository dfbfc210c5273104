"""What can be done with a turn that stands still."""

from __future__ import annotations

import shlex

from mindbot.api.calls import ApiCall
from mindbot.api.debug_models import ParkedView
from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class OnParked(Command):
    """Is about the selected one."""

    needs = "operator"
    asks = True

    def unavailable(self, console: Surface, argument: str = "") -> str:
        turn = console.view.turn
        if not turn:
            return console.words("no turn is selected")
        return "" if console.state.stops.has(turn) else console.words("the selected turn is not parked")

    async def act(self, console: Surface, words: list[str], call: ApiCall[ParkedView]) -> None:
        """Do it, and show the command line that does the same; raises MindBotError."""
        console.state.called(shlex.join(["mindbot", "debug", *words]))
        try:
            await console.api.ask(call)
        finally:
            console.view.reload()
