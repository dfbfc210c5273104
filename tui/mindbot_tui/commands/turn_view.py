"""Move about in a turn, and from turn to turn."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mindbot_tui.commands.base import Command

if TYPE_CHECKING:
    from mindbot_tui.app import Console


class _InTurn(Command):
    def unavailable(self, console: Console, argument: str = "") -> str:
        return "" if console.turn_view else console.words("open a turn first")


class Next(_InTurn):
    name = "next"
    help = "the next turn of the list"
    step = 1

    async def run(self, console: Console, argument: str) -> None:
        assert console.turn_view is not None
        id = console.flow.neighbour(console.turn_view.turn, self.step)
        if id:
            await console.open_turn(id)
        else:
            console.say(console.words("there is no further turn in the list"), "warn")


class Previous(Next):
    name = "previous"
    help = "the turn before, in the list"
    step = -1


class Part(_InTurn):
    name = "part"
    help = "show a part of a turn"
    argument = "next|previous|NAME"

    def offers(self, console: Console) -> Iterable[tuple[str, str]]:
        names = console.turn_view.part_names if console.turn_view else ()
        return [(name, "") for name in ("next", "previous", *names)]

    async def run(self, console: Console, argument: str) -> None:
        assert console.turn_view is not None
        console.turn_view.show_part(argument.strip() or "next")


class Pane(_InTurn):
    name = "pane"
    help = "from a turn's steps to its text, and back"

    async def run(self, console: Console, argument: str) -> None:
        console.screen.focus_next()
