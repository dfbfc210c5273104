"""Show a part of a turn."""

from __future__ import annotations

from collections.abc import Iterable

from mindbot_tui.commands.in_turn import InTurn
from mindbot_tui.surface import Surface


class ShowPart(InTurn):
    name = "part"
    help = "show a part of a turn"
    argument = "next|previous|NAME"

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        names = console.turn_view.part_names if console.turn_view else ()
        return [(name, "") for name in ("next", "previous", *names)]

    async def run(self, console: Surface, argument: str) -> None:
        assert console.turn_view is not None
        console.turn_view.show_part(argument.strip() or "next")
