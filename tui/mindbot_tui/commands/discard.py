"""Put away for good."""

from __future__ import annotations

from mindbot_tui.commands.on_dead_letter import OnDeadLetter
from mindbot_tui.surface import Surface


class Discard(OnDeadLetter):
    name = "discard"
    help = "put a dead letter away for good"

    async def run(self, console: Surface, argument: str) -> None:
        letter = console.view.dead_letter  # the list may move on while we ask
        if await console.confirm(console.words("Discard {id}? Nobody will get it.", id=letter)):
            await self.settle(console, letter, "discard")
