"""Type a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mindbot_tui.commands.base import Command

if TYPE_CHECKING:
    from mindbot_tui.app import Console


class Prompt(Command):
    name = "prompt"
    help = "type a command"

    async def run(self, console: Console, argument: str) -> None:
        console.open_prompt(argument)
