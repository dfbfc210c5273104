"""Filter the live list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mindbot.filters.tokens import quote
from mindbot_tui.commands.base import Command

if TYPE_CHECKING:
    from mindbot_tui.app import Console


class SetFilter(Command):
    name = "filter"
    help = 'filter the live list, e.g. platform == "wecom" and took > 5s'
    argument = "[FILTER]"

    async def run(self, console: Console, argument: str) -> None:
        flow = await console.show_flow()
        if argument.strip():
            flow.set_filter(argument.strip())
        else:
            flow.edit_filter()

    def offers(self, console: Console) -> Iterable[tuple[str, str]]:
        return [(text, "") for text in console.filters_used]


class ClearFilter(Command):
    name = "clear"
    help = "show everything again"

    def unavailable(self, console: Console, argument: str = "") -> str:
        return "" if console.flow.filter else console.words("there is no filter")

    async def run(self, console: Console, argument: str) -> None:
        console.flow.set_filter("")


class Faults(Command):
    name = "faults"
    help = "show only what failed, and back"
    FILTER = "state in [failed, dead]"

    async def run(self, console: Console, argument: str) -> None:
        flow = await console.show_flow()
        flow.set_filter("" if flow.filter == self.FILTER else self.FILTER)


class TurnsOf(Command):
    name = "turns-of"
    help = "show only the turns of the selected conversation"

    def unavailable(self, console: Console, argument: str = "") -> str:
        return "" if console.view.session else console.words("no conversation is selected")

    async def run(self, console: Console, argument: str) -> None:
        session = console.view.session
        flow = await console.show_flow()
        flow.set_filter(f"session == {quote(session)}")
