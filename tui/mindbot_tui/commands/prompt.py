"""Type a command."""

from __future__ import annotations

from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class OpenPrompt(Command):
    name = "prompt"
    help = "type a command"

    async def run(self, console: Surface, argument: str) -> None:
        console.open_prompt(argument)
