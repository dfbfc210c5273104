"""Stop a bot's adapter."""

from __future__ import annotations

from mindbot.api import calls
from mindbot_tui.commands.on_bot import OnBot
from mindbot_tui.surface import Surface


class Stop(OnBot):
    name = "stop"
    help = "stop the selected bot until it is started again; what it has to send waits"

    async def run(self, console: Surface, argument: str) -> None:
        platform, bot = self.bot(console)
        question = console.words(
            "Stop {bot}? What it has to send waits until it is started.", bot=f"{platform}/{bot}"
        )
        if await console.confirm(question):
            await self.change(console, "stop", calls.stop_platform(platform, bot), "stopped {bot}")
