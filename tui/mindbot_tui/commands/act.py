"""Let a parked turn go on: to the next stage, to the next call, to its end."""

from __future__ import annotations

from mindbot.api import debug_calls as calls
from mindbot.api.debug_calls import DebugAction
from mindbot_tui.commands.on_parked import OnParked
from mindbot_tui.surface import Surface


class Advance(OnParked):
    """One of the debugger's steps, by its name."""

    def __init__(self, action: DebugAction, help: str) -> None:
        self._action = action
        self.name = action  # type: ignore[misc]  # one class for all of them
        self.help = help  # type: ignore[misc]

    async def run(self, console: Surface, argument: str) -> None:
        turn = console.view.turn
        await self.act(console, [self.name, turn], calls.debug_act(turn, self._action))


class Resume(OnParked):
    name = "resume"
    help = "let the selected parked turn go on, or all that are parked"
    argument = "[all]"

    def unavailable(self, console: Surface, argument: str = "") -> str:
        if argument != "all":
            return super().unavailable(console, argument)
        return "" if len(console.state.stops) else console.words("no turn is parked")

    def offers(self, console: Surface) -> list[tuple[str, str]]:
        return [("all", console.words("all that are parked"))]

    async def run(self, console: Surface, argument: str) -> None:
        if argument != "all":
            turn = console.view.turn
            await self.act(console, ["resume", turn], calls.debug_act(turn, "resume"))
            return
        console.state.called("mindbot debug resume --all")
        freed = await console.api.ask(calls.resume_parked())
        console.say(console.words("{n} turns go on", n=len(freed.turns)))
        console.view.reload()


class DropParked(OnParked):
    name = "drop"
    help = "end the selected parked turn: nothing is answered"

    async def run(self, console: Surface, argument: str) -> None:
        turn = console.view.turn
        if await console.confirm(console.words("Drop {turn}? Its user gets no answer.", turn=turn)):
            await self.act(console, ["drop", turn], calls.debug_act(turn, "drop"))
