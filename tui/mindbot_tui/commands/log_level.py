"""How much a part of the daemon writes."""

from __future__ import annotations

from collections.abc import Iterable

from mindbot.api import calls
from mindbot.domain.errors import Invalid
from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface

LEVELS = ("debug", "info", "warning", "error", "critical")


class LogLevel(Command):
    name = "log-level"
    help = "how much a part of the daemon writes, until it ends: the selected line's, or one by its name"
    argument = "[LOGGER LEVEL]"
    needs = "admin"
    asks = True

    def unavailable(self, console: Surface, argument: str = "") -> str:
        return "" if argument or console.view.logger else console.words("no line of the daemon is selected")

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        if logger := console.view.logger:
            return [(f"{logger} {level}", "") for level in LEVELS]
        return ()

    async def run(self, console: Surface, argument: str) -> None:
        if not argument:
            console.open_prompt(f"log-level {console.view.logger} ")
            return
        logger, _, level = argument.rpartition(" ")
        if level not in LEVELS or not logger.strip():
            raise Invalid(
                f"{argument!r} is no logger and level",
                hint=f"first the logger, then a level: {', '.join(LEVELS)}",
            )
        console.state.called(f"mindbot log level {level} {logger.strip()}")
        await console.api.ask(calls.set_log_levels({logger.strip(): level}))
        console.say(console.words("{logger} writes from {level} on", logger=logger.strip(), level=level))
