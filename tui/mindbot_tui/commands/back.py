"""Back to where one was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mindbot_tui.commands.base import Command

if TYPE_CHECKING:
    from mindbot_tui.app import Console


class Back(Command):
    name = "back"
    help = "back to the view before"

    def unavailable(self, console: Console, argument: str = "") -> str:
        return "" if console.view.can_go_back else console.words("this is the first view")

    async def run(self, console: Console, argument: str) -> None:
        await console.back()
