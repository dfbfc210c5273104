"""Save a picture."""

from __future__ import annotations

from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class Screenshot(Command):
    name = "screenshot"
    help = "save a picture of the screen (SVG)"

    async def run(self, console: Surface, argument: str) -> None:
        path = console.save_screenshot(path=argument.strip() or None)
        console.say(console.words("saved {what}", what=path))
