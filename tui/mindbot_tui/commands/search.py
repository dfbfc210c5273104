"""Search in a text."""

from __future__ import annotations

from mindbot_tui.commands.on_text import OnText
from mindbot_tui.surface import Surface


class SearchText(OnText):
    name = "search"
    help = "search in the text; capitals count where some are typed, behind ~ stands an expression"
    argument = "[WORDS]"

    async def run(self, console: Surface, argument: str) -> None:
        if argument:
            self.text(console).find(argument)
        else:
            console.search_text()
