"""Back and forth through what was looked at."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from mindbot_tui.commands.base import Command
from mindbot_tui.state.history import Way
from mindbot_tui.surface import Surface

WAYS: dict[str, tuple[str, str]] = {
    "back": ("the place before, as in a browser", "there is no place before this one"),
    "forth": ("forward, after going back", "there is no place after this one"),
    "last": ("the view before, and back to this one", "there is no place before this one"),
}


class GoThroughHistory(Command):
    """Places keep what was selected in them."""

    name = "history"
    help = "back and forth through what was looked at, or to the view before"
    argument = "back|forth|last"

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        return [(way, console.words(help)) for way, (help, _) in WAYS.items()]

    def unavailable(self, console: Surface, argument: str = "") -> str:
        way = argument or "back"
        if way not in WAYS:
            return console.words("back, forth or last?")
        return "" if console.can_travel(cast("Way", way)) else console.words(WAYS[way][1])

    async def run(self, console: Surface, argument: str) -> None:
        await console.travel(cast("Way", argument or "back"))
