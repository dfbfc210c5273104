"""What can be done in the view of a turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mindbot_tui.commands.base import Command

if TYPE_CHECKING:
    from mindbot_tui.app import Console


class InTurn(Command):
    """Needs an open turn."""

    def unavailable(self, console: Console, argument: str = "") -> str:
        return "" if console.turn_view else console.words("open a turn first")
