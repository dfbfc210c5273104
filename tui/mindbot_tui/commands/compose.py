"""Write a test message."""

from __future__ import annotations

from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class Compose(Command):
    name = "compose"
    help = "go to the box where test messages are written"
    types = True
    needs = "operator"

    async def run(self, console: Surface, argument: str) -> None:
        (await console.show_flow()).compose_message()
