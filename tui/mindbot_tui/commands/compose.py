"""Write a test message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mindbot_tui.commands.base import Command

if TYPE_CHECKING:
    from mindbot_tui.app import Console


class Compose(Command):
    name = "compose"
    help = "go to the box where test messages are written"
    needs = "operator"

    async def run(self, console: Console, argument: str) -> None:
        (await console.show_flow()).compose_message()
