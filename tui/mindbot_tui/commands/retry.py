"""Send again, or run again."""

from __future__ import annotations

from mindbot_tui.commands.dead_letters import OnLetter
from mindbot_tui.surface import Surface


class Retry(OnLetter):
    name = "retry"
    help = "send a dead delivery again, or run a dead turn again"

    async def run(self, console: Surface, argument: str) -> None:
        await self.settle(console, console.view.letter, "retry")
