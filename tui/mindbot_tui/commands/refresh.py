"""Ask the daemon again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mindbot_tui.commands.base import Command

if TYPE_CHECKING:
    from mindbot_tui.app import Console


class Refresh(Command):
    name = "refresh"
    help = "ask the daemon again for what this view shows"

    async def run(self, console: Console, argument: str) -> None:
        console.view.reload()
