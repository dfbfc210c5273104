"""Filter the live list."""

from __future__ import annotations

from collections.abc import Iterable

from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class SetFilter(Command):
    name = "filter"
    help = 'filter the live list, e.g. platform == "wecom" and took > 5s'
    argument = "[FILTER]"

    async def run(self, console: Surface, argument: str) -> None:
        flow = await console.show_flow()
        if argument.strip():
            flow.set_filter(argument.strip())
        else:
            flow.edit_filter()

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        return [(text, "") for text in console.filters_used]
