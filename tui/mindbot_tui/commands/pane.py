"""Change panes."""

from __future__ import annotations

from mindbot_tui.commands.base import Command
from mindbot_tui.fronts import WithPhone
from mindbot_tui.surface import Surface


class Pane(Command):
    name = "pane"
    help = "from a turn's steps to its text, and back"

    def unavailable(self, console: Surface, argument: str = "") -> str:
        return "" if isinstance(console.view, WithPhone) else console.words("open a turn first")

    async def run(self, console: Surface, argument: str) -> None:
        view = console.view
        assert isinstance(view, WithPhone)
        view.focus_next()
