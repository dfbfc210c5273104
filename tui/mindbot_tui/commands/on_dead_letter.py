"""What can be done about a dead letter."""

from __future__ import annotations

from typing import Literal

from mindbot.api import calls
from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class OnDeadLetter(Command):
    """Settles the selected one."""

    needs = "operator"
    asks = True

    def unavailable(self, console: Surface, argument: str = "") -> str:
        return "" if console.view.dead_letter else console.words("no dead letter is selected")

    async def settle(self, console: Surface, letter: str, action: Literal["retry", "discard"]) -> None:
        """Do it, say so, and list again."""
        console.state.called(f"mindbot dlq {action} {letter}")
        await console.api.ask(calls.settle_dead_letter(letter, action))
        console.say(console.words("retried {id}" if action == "retry" else "discarded {id}", id=letter))
        console.view.reload()
