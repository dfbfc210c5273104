"""From hit to hit."""

from __future__ import annotations

from collections.abc import Iterable

from mindbot_tui.commands.on_text import OnText
from mindbot_tui.surface import Surface


class GoToHit(OnText):
    name = "hit"
    help = "the next or the previous hit of the search"
    argument = "next|previous"

    def unavailable(self, console: Surface, argument: str = "") -> str:
        if why := super().unavailable(console, argument):
            return why
        searched = self.text(console).searched
        return "" if searched else console.words("nothing was searched for; / does")

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        return [("next", ""), ("previous", "")]

    async def run(self, console: Surface, argument: str) -> None:
        self.text(console).next_hit(-1 if argument.strip() == "previous" else 1)
