"""Retry and discard dead letters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mindbot.api import calls
from mindbot_tui.commands.base import Command

if TYPE_CHECKING:
    from mindbot_tui.app import Console


class _OnLetter(Command):
    needs = "operator"
    asks = True

    def unavailable(self, console: Console, argument: str = "") -> str:
        return "" if console.view.letter else console.words("no dead letter is selected")

    async def _settle(self, console: Console, action: Literal["retry", "discard"]) -> None:
        letter = console.view.letter
        console.desk.called(f"mindbot dlq {action} {letter}")
        await console.api.ask(calls.settle_dead_letter(letter, action))
        console.say(console.words("retried {id}" if action == "retry" else "discarded {id}", id=letter))
        console.view.reload()


class Retry(_OnLetter):
    name = "retry"
    help = "send a dead delivery again, or run a dead turn again"

    async def run(self, console: Console, argument: str) -> None:
        await self._settle(console, "retry")


class Discard(_OnLetter):
    name = "discard"
    help = "put a dead letter away for good"

    async def run(self, console: Console, argument: str) -> None:
        question = console.words("Discard {id}? Nobody will get it.", id=console.view.letter)
        if await console.confirm(question):
            await self._settle(console, "discard")
