"""Go to a view."""

from __future__ import annotations

from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class Go(Command):
    """Shows a view by its name."""

    def __init__(self, view: str, help: str) -> None:
        self.name = view  # type: ignore[misc]  # one class for all views
        self.help = help  # type: ignore[misc]

    async def run(self, console: Surface, argument: str) -> None:
        await console.go(self.name)
