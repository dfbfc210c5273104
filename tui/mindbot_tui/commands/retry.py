"""Send again, or run again."""

from __future__ import annotations

from mindbot_tui.commands.on_dead_letter import OnDeadLetter
from mindbot_tui.surface import Surface


class Retry(OnDeadLetter):
    name = "retry"
    help = "send dead deliveries again, or run dead turns again"

    async def run(self, console: Surface, argument: str) -> None:
        letters = list(console.view.dead_letters)  # the list may move on while we ask
        many = len(letters) > 1
        if not many or await console.confirm(console.words("Send {n} again?", n=len(letters))):
            await self.settle(console, letters, "retry")
