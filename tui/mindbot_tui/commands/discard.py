"""Put away for good."""

from __future__ import annotations

from mindbot_tui.commands.dead_letters import OnLetter
from mindbot_tui.surface import Surface


class Discard(OnLetter):
    name = "discard"
    help = "put a dead letter away for good"

    async def run(self, console: Surface, argument: str) -> None:
        letter = console.view.letter  # the list may move on while we ask
        if await console.confirm(console.words("Discard {id}? Nobody will get it.", id=letter)):
            await self.settle(console, letter, "discard")
