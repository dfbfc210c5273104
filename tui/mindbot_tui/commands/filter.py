"""Filter the list in front."""

from __future__ import annotations

from collections.abc import Iterable

from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class SetFilter(Command):
    name = "filter"
    help = 'filter the list, e.g. platform == "wecom" and took > 5s; bare words search it'
    argument = "[FILTER]"

    async def run(self, console: Surface, argument: str) -> None:
        filtered = console.view
        if filtered.filter_fields is None:
            await console.show_flow()
            filtered = console.view
        if argument.strip():
            filtered.set_filter(argument.strip())
        else:
            filtered.edit_filter()

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        return [(text, "") for text in console.filters_used]
