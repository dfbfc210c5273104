"""Put away."""

from __future__ import annotations

from mindbot_tui.commands.on_dead_letter import OnDeadLetter
from mindbot_tui.surface import Surface


class Discard(OnDeadLetter):
    name = "discard"
    help = "put dead letters away: nobody will get them"

    async def run(self, console: Surface, argument: str) -> None:
        words, letters = console.words, list(console.view.dead_letters)  # the list may move on while we ask
        if len(letters) == 1:
            question = words("Discard {id}? Nobody will get it.", id=letters[0])
        else:
            question = words("Discard {n} dead letters? Nobody will get them.", n=len(letters))
        if await console.confirm(question):
            await self.settle(console, letters, "discard")
