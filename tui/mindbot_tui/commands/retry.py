"""Send again, or run again."""

from __future__ import annotations

from mindbot_tui.commands.on_dead_letter import OnDeadLetter
from mindbot_tui.surface import Surface


class Retry(OnDeadLetter):
    name = "retry"
    help = "send a dead delivery again, or run a dead turn again"

    async def run(self, console: Surface, argument: str) -> None:
        await self.settle(console, console.view.dead_letter, "retry")
