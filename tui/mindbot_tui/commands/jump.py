"""To what happened at a time."""

from __future__ import annotations

from mindbot_tui.commands.base import Command
from mindbot_tui.state.times import moment_of
from mindbot_tui.surface import Surface


class JumpToTime(Command):
    name = "jump"
    help = "to what happened then: 12:30, -2h, 2026-11-30"
    argument = "[TIME]"

    def unavailable(self, console: Surface, argument: str = "") -> str:
        return "" if console.view.jumps else console.words("this list has no times to jump to")

    async def run(self, console: Surface, argument: str) -> None:
        if argument:
            console.view.jump(moment_of(argument, console.state.clock()))
        else:
            console.open_prompt("jump ")
