"""Show only what failed."""

from __future__ import annotations

from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class Faults(Command):
    name = "faults"
    help = "show only what failed, and back"
    FILTER = "undelivered or state in [failed, dead]"

    async def run(self, console: Surface, argument: str) -> None:
        flow = await console.show_flow()
        flow.set_filter("" if flow.filter == self.FILTER else self.FILTER)
