"""Hold two turns against each other."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from mindbot.domain.errors import Invalid
from mindbot_tui.cells import brief
from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface

_OFFERED = 20  # turns


class Diff(Command):
    name = "diff"
    help = "hold two turns against each other: answers, prompts, routes, steps, cost"
    argument = "TURN [TURN]"
    types = True
    asks = True

    def unavailable(self, console: Surface, argument: str = "") -> str:
        return "" if argument or console.view.turn else console.words("no turn is selected")

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        rows = console.state.turns.rows
        late = range(max(rows.first, rows.end - _OFFERED), rows.end)
        return [(rows[place].id, brief(rows[place].text)) for place in reversed(late)]

    async def run(self, console: Surface, argument: str) -> None:
        named = argument.upper().split()
        if not named:
            console.open_prompt("diff ")
            return
        turns = named if len(named) > 1 else [console.view.turn, *named]
        if len(turns) != 2 or not all(turns):
            raise Invalid("two turns are held against each other", hint="diff TURN TURN")
        console.state.called(shlex.join(["mindbot", "diff", *turns]))
        await console.open_subject("diff", " ".join(turns))
