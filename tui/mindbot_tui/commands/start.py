"""Start a bot's adapter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mindbot.api import calls
from mindbot_tui.commands.bots import OnBot

if TYPE_CHECKING:
    from mindbot_tui.app import Console


class Start(OnBot):
    name = "start"
    help = "start the selected bot, if it is stopped"

    def unavailable(self, console: Console, argument: str = "") -> str:
        if why := super().unavailable(console, argument):
            return why
        return "" if console.view.bot_state == "stopped" else console.words("this bot is not stopped")

    async def run(self, console: Console, argument: str) -> None:
        await self.change(console, "start", calls.start_platform(*self.bot(console)), "starting {bot}")
