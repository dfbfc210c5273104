"""Show a conversation's turns."""

from __future__ import annotations

from mindbot.filters.tokens import quote
from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class TurnsOf(Command):
    name = "turns-of"
    help = "show only the turns of the selected conversation"

    def unavailable(self, console: Surface, argument: str = "") -> str:
        return "" if console.view.session else console.words("no conversation is selected")

    async def run(self, console: Surface, argument: str) -> None:
        session = console.view.session
        flow = await console.show_flow()
        flow.set_filter(f"session == {quote(session)}")
