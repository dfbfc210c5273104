"""Say what a filter means, and how it judges the selected turn."""

from __future__ import annotations

from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class Explain(Command):
    name = "explain"
    help = "say in words what the filter means, and how it judges the selected turn"
    argument = "[FILTER]"

    def unavailable(self, console: Surface, argument: str = "") -> str:
        return "" if argument or console.flow.filter else console.words("there is no filter")

    async def run(self, console: Surface, argument: str) -> None:
        from mindbot.filters.language import parse

        text = argument.strip() or console.flow.filter
        found, row = parse(text), console.flow.selected_row
        console.show_page(str(found), str(found.explain(row and row.record())))
