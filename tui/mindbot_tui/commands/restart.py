"""Restart a bot's adapter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mindbot.api import calls
from mindbot_tui.commands.base import Command

if TYPE_CHECKING:
    from mindbot_tui.app import Console


class Restart(Command):
    name = "restart"
    help = "stop the selected bot's adapter and start it again"
    needs = "operator"
    asks = True

    def unavailable(self, console: Console, argument: str = "") -> str:
        return "" if console.view.bot else console.words("no bot is selected")

    async def run(self, console: Console, argument: str) -> None:
        assert console.view.bot is not None
        platform, bot = console.view.bot
        if not await console.confirm(console.words("Restart {bot}?", bot=f"{platform}/{bot}")):
            return
        console.desk.called(f"mindbot platform restart {platform}/{bot}")
        await console.api.ask(calls.restart_platform(platform, bot))
        console.say(console.words("restarting {bot}", bot=f"{platform}/{bot}"))
        console.view.reload()
