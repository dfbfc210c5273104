"""Change panes."""

from __future__ import annotations

from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class Pane(Command):
    name = "pane"
    help = "from one pane of the view to the next"

    async def run(self, console: Surface, argument: str) -> None:
        console.view.focus_next()
