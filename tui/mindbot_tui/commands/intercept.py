"""Stop every message that a filter lets through, before it is answered."""

from __future__ import annotations

from collections.abc import Iterable

from mindbot.api import debug_calls as calls
from mindbot.api.debug_models import SetBreakpoint
from mindbot_tui.commands.base import Command
from mindbot_tui.commands.break_at import set_breakpoint
from mindbot_tui.surface import Surface

STAGE = "run"  # what it means is known by then, and nobody has been asked yet


class Intercept(Command):
    name = "intercept"
    help = 'stop messages before they are answered, e.g. text =~ "refund"; off: none any more'
    argument = "FILTER|off"
    needs = "operator"
    asks = True
    types = True

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        return [("off", console.words("stop none any more")), *((text, "") for text in console.filters_used)]

    async def run(self, console: Surface, argument: str) -> None:
        filter = argument.strip()
        before, id = console.state.stops.intercepts
        if not filter:
            console.open_prompt(f"intercept {before or 'off'}" if id else "intercept ")
            return
        if filter != "off":
            found = await set_breakpoint(console, SetBreakpoint(stage=STAGE, filter=filter))
            console.state.stops.intercepts = (filter, found.id)
        if id:
            console.state.called(f"mindbot debug clear {id}")
            await console.api.ask(calls.clear_breakpoint(id))
        if filter == "off":
            console.state.stops.intercepts = ("", "")
            console.say(console.words("no message is stopped any more"))
        console.view.reload()
