"""What can be done about a bot."""

from __future__ import annotations

from typing import ClassVar

from mindbot.api.calls import ApiCall
from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class OnBot(Command):
    """Is about the selected one."""

    needs = "operator"
    asks = True
    #: What `change` may say.
    said: ClassVar[tuple[str, ...]] = ("restarting {bot}", "stopped {bot}", "starting {bot}")

    def unavailable(self, console: Surface, argument: str = "") -> str:
        return "" if console.view.bot else console.words("no bot is selected")

    def bot(self, console: Surface) -> tuple[str, str]:
        """Return its platform and name."""
        assert console.view.bot is not None
        return console.view.bot

    async def change(self, console: Surface, verb: str, call: ApiCall[None], said: str) -> None:
        """Do it, say so, and list again."""
        platform, bot = self.bot(console)
        console.state.called(f"mindbot platform {verb} {platform}/{bot}")
        await console.api.ask(call)
        console.say(console.words(said, bot=f"{platform}/{bot}"))
        console.view.reload()
