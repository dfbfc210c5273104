"""Start a bot's adapter."""

from __future__ import annotations

from mindbot.api import calls
from mindbot_tui.commands.on_bot import OnBot
from mindbot_tui.surface import Surface


class Start(OnBot):
    name = "start"
    help = "start the selected bot, if it is stopped"

    def unavailable(self, console: Surface, argument: str = "") -> str:
        if why := super().unavailable(console, argument):
            return why
        return "" if console.view.bot_state == "stopped" else console.words("this bot is not stopped")

    async def run(self, console: Surface, argument: str) -> None:
        await self.change(console, "start", calls.start_platform(*self.bot(console)), "starting {bot}")
