"""Send again, or run again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mindbot_tui.commands.dead_letters import OnLetter

if TYPE_CHECKING:
    from mindbot_tui.app import Console


class Retry(OnLetter):
    name = "retry"
    help = "send a dead delivery again, or run a dead turn again"

    async def run(self, console: Console, argument: str) -> None:
        await self.settle(console, console.view.letter, "retry")
