"""What can be done in the view of a turn."""

from __future__ import annotations

from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class InTurn(Command):
    """Needs an open turn."""

    def unavailable(self, console: Surface, argument: str = "") -> str:
        return "" if console.turn_view else console.words("open a turn first")
