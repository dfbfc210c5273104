"""What can be done with breakpoints."""

from __future__ import annotations

from collections.abc import Iterable

from mindbot.api import debug_calls as calls
from mindbot.api.debug_models import ChangeBreakpoint
from mindbot_tui.commands.base import Command
from mindbot_tui.fronts import PicksBreakpoint
from mindbot_tui.surface import Surface


class OnBreakpoint(Command):
    """Is about one by its id, or the selected one."""

    needs = "operator"
    asks = True
    argument = "[ID]"

    def unavailable(self, console: Surface, argument: str = "") -> str:
        return "" if self.id(console, argument) else console.words("no breakpoint is selected")

    def id(self, console: Surface, argument: str) -> str:
        """Return which one; empty for none."""
        view = console.view
        found = view.breakpoint if isinstance(view, PicksBreakpoint) else None
        return argument.strip() or (found.id if found is not None else "")


class ClearBreakpoint(OnBreakpoint):
    name = "unbreak"
    help = "clear a breakpoint: the selected one, one by its id, or all that this console set"
    argument = "[ID|all]"

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        return [("all", console.words("all that this console set"))]

    async def run(self, console: Surface, argument: str) -> None:
        id, words = self.id(console, argument), console.words
        if id == "all":
            console.state.called("mindbot debug clear --all")
            gone = await console.api.ask(calls.clear_breakpoints())
            console.state.stops.intercepts = ("", "")
            console.say(words("{n} breakpoints are cleared", n=len(gone.ids)))
        else:
            console.state.called(f"mindbot debug clear {id}")
            await console.api.ask(calls.clear_breakpoint(id))
            if console.state.stops.intercepts[1] == id:
                console.state.stops.intercepts = ("", "")
            console.say(words("breakpoint {id} is cleared", id=id))
        console.view.reload()


class SwitchBreakpoint(OnBreakpoint):
    """On or off; one that is off is kept and stops nothing."""

    def __init__(self, name: str, help: str, *, on: bool) -> None:
        self.name = name  # type: ignore[misc]  # one class for both ways
        self.help = help  # type: ignore[misc]
        self._on = on

    async def run(self, console: Surface, argument: str) -> None:
        id = self.id(console, argument)
        console.state.called(f"mindbot debug {'enable' if self._on else 'disable'} {id}")
        await console.api.ask(calls.change_breakpoint(id, ChangeBreakpoint(enabled=self._on)))
        console.view.reload()
