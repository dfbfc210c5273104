"""Save a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mindbot_tui.commands.base import Command

if TYPE_CHECKING:
    from mindbot_tui.app import Console


class Screenshot(Command):
    name = "screenshot"
    help = "save a picture of the screen (SVG)"

    async def run(self, console: Console, argument: str) -> None:
        path = console.save_screenshot(path=argument.strip() or None)
        console.say(console.words("saved {what}", what=path))
