"""Leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mindbot_tui.commands.base import Command

if TYPE_CHECKING:
    from mindbot_tui.app import Console


class Quit(Command):
    name = "quit"
    help = "leave; the daemon goes on"

    async def run(self, console: Console, argument: str) -> None:
        console.exit()
