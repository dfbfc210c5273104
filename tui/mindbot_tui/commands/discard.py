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
            await self._discard(console, letters)

    async def _discard(self, console: Surface, letters: list[str]) -> None:
        done: list[str] = []  # still to be taken back

        async def restore() -> bool:
            back: list[str] = []
            try:
                await self.settle(console, tuple(done), "restore", back)
            finally:
                done[:] = [each for each in done if each not in back]
            return not done

        try:
            await self.settle(console, letters, "discard", done)
        finally:  # what was discarded before it broke off is taken back too
            if done:
                what = console.words("{n} dead letters", n=len(done)) if len(done) > 1 else done[0]
                console.state.acts.did(console.words("discard of {what}", what=what), restore)
