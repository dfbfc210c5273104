"""Make a column narrower or wider."""

from __future__ import annotations

from collections.abc import Iterable

from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface

_STEP = 4  # cells


class Width(Command):
    name = "width"
    help = "make a column wider or narrower: the one it is sorted by, or the first that shares the room"
    argument = "[wider|narrower]"

    def unavailable(self, console: Surface, argument: str = "") -> str:
        return "" if console.view.rows is not None else console.words("there are no columns here")

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        return [("wider", ""), ("narrower", "")]

    async def run(self, console: Surface, argument: str) -> None:
        rows = console.view.rows
        assert rows is not None
        rows.widen(-_STEP if argument == "narrower" else _STEP)
