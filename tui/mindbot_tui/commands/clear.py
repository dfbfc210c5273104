"""Show everything again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mindbot_tui.commands.base import Command

if TYPE_CHECKING:
    from mindbot_tui.app import Console


class ClearFilter(Command):
    name = "clear"
    help = "show everything again"

    def unavailable(self, console: Console, argument: str = "") -> str:
        return "" if console.flow.filter else console.words("there is no filter")

    async def run(self, console: Console, argument: str) -> None:
        console.flow.set_filter("")
