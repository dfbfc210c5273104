"""What can be done about failures of one cause."""

from __future__ import annotations

from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface

#: Seconds of which failures are shown.
WINDOW = 6 * 3600.0


class OnBundle(Command):
    """Is about the selected bundle."""

    def unavailable(self, console: Surface, argument: str = "") -> str:
        return "" if console.view.bundle is not None else console.words("no failures are selected")
