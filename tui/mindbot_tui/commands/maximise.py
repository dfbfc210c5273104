"""One pane alone."""

from __future__ import annotations

from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class Maximise(Command):
    name = "maximise"
    help = "only the pane that is in use, and back"

    async def run(self, console: Surface, argument: str) -> None:
        console.view.maximise()
