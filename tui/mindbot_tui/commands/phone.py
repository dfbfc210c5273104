"""Show the phone."""

from __future__ import annotations

from mindbot_tui.commands.base import Command
from mindbot_tui.fronts import WithPhone
from mindbot_tui.surface import Surface


class ShowPhone(Command):
    name = "phone"
    help = "show what the user sees now, or what would be sent to them, beside the rest, and back"

    def unavailable(self, console: Surface, argument: str = "") -> str:
        return "" if isinstance(console.view, WithPhone) else console.words("open a turn first")

    async def run(self, console: Surface, argument: str) -> None:
        view = console.view
        assert isinstance(view, WithPhone)
        view.show_phone()
