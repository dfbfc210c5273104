"""Take back what was done last."""

from __future__ import annotations

from mindbot.domain.errors import MindBotError
from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class Undo(Command):
    """What went out to people stays with them, so that is never among what is taken back."""

    name = "undo"
    help = "take back the last discard, switch or cleared filter"
    asks = True

    def unavailable(self, console: Surface, argument: str = "") -> str:
        if console.state.acts:
            return ""
        return console.words("nothing to take back; what went out to people, or ran again, cannot be")

    async def run(self, console: Surface, argument: str) -> None:
        act = console.state.acts.pop()
        try:
            whole = await act.undo()
        except MindBotError:
            console.state.acts.append(act)  # it is still to be taken back
            raise
        if whole:
            console.say(console.words("undone: {what}", what=act.what))
