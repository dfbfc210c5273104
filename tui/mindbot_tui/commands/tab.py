"""Show another list of a view that has several."""

from __future__ import annotations

from collections.abc import Iterable

from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class ShowTab(Command):
    name = "tab"
    help = "show another list of this view"
    argument = "next|previous|NAME"

    def unavailable(self, console: Surface, argument: str = "") -> str:
        return "" if console.view.tabs else console.words("this view has one list")

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        return [(name, "") for name in ("next", "previous", *console.view.tabs)]

    async def run(self, console: Surface, argument: str) -> None:
        console.view.show_tab(argument.strip() or "next")
