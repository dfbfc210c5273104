"""The console itself: its prompt, palette and help, pictures, the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mindbot_tui.commands.base import Command

if TYPE_CHECKING:
    from mindbot_tui.app import Console


class Prompt(Command):
    name = "prompt"
    help = "type a command"

    async def run(self, console: Console, argument: str) -> None:
        console.open_prompt(argument)


class Palette(Command):
    name = "palette"
    help = "find a command"

    async def run(self, console: Console, argument: str) -> None:
        console.action_command_palette()


class Screenshot(Command):
    name = "screenshot"
    help = "save a picture of the screen (SVG)"

    async def run(self, console: Console, argument: str) -> None:
        path = console.save_screenshot(path=argument.strip() or None)
        console.say(console.words("saved {what}", what=path))


class Quit(Command):
    name = "quit"
    help = "leave; the daemon goes on"

    async def run(self, console: Console, argument: str) -> None:
        console.exit()
