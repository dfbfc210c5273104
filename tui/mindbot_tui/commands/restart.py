"""Restart a bot's adapter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mindbot.api import calls
from mindbot_tui.commands.bots import OnBot

if TYPE_CHECKING:
    from mindbot_tui.app import Console


class Restart(OnBot):
    name = "restart"
    help = "stop the selected bot's adapter and start it again"

    async def run(self, console: Console, argument: str) -> None:
        platform, bot = self.bot(console)
        if await console.confirm(console.words("Restart {bot}?", bot=f"{platform}/{bot}")):
            await self.change(console, "restart", calls.restart_platform(platform, bot), "restarting {bot}")
