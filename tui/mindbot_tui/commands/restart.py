"""Restart a bot's adapter."""

from __future__ import annotations

from mindbot.api import calls
from mindbot_tui.commands.on_bot import OnBot
from mindbot_tui.surface import Surface


class Restart(OnBot):
    name = "restart"
    help = "stop the selected bot's adapter and start it again"

    async def run(self, console: Surface, argument: str) -> None:
        platform, bot = self.bot(console)
        if await console.confirm(console.words("Restart {bot}?", bot=f"{platform}/{bot}")):
            await self.change(console, "restart", calls.restart_platform(platform, bot), "restarting {bot}")
