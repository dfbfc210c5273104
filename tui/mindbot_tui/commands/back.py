"""Back to where one was."""

from __future__ import annotations

from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class Back(Command):
    name = "back"
    help = "back to the view before"

    def unavailable(self, console: Surface, argument: str = "") -> str:
        return "" if console.view.can_go_back else console.words("this is the first view")

    async def run(self, console: Surface, argument: str) -> None:
        await console.back()
