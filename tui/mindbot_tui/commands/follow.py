"""Follow the end of a live list, or stand still."""

from __future__ import annotations

from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class FollowEnd(Command):
    name = "follow"
    help = "follow the end of the list, or stand still"

    def unavailable(self, console: Surface, argument: str = "") -> str:
        rows = console.view.rows
        return "" if rows is not None and rows.follows else console.words("this list is not a live one")

    async def run(self, console: Surface, argument: str) -> None:
        rows = console.view.rows
        assert rows is not None
        if rows.following:
            rows.select(rows.cursor - 1)
        else:
            rows.go_on()
