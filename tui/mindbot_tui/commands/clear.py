"""Show everything again."""

from __future__ import annotations

from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class ClearFilter(Command):
    name = "clear"
    help = "show everything again"

    def unavailable(self, console: Surface, argument: str = "") -> str:
        return "" if console.view.filter else console.words("there is no filter")

    async def run(self, console: Surface, argument: str) -> None:
        view, before = console.view, console.view.filter
        view.set_filter("")

        async def again() -> bool:
            view.set_filter(before)
            return True

        console.state.acts.did(console.words("clearing the filter {filter}", filter=before), again)
