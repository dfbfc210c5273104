"""Open a model provider."""

from __future__ import annotations

from collections.abc import Iterable

from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class OpenProvider(Command):
    name = "provider"
    help = "open a model provider: the selected one, or by its name"
    argument = "[PROVIDER]"

    def unavailable(self, console: Surface, argument: str = "") -> str:
        return "" if argument or console.view.provider else console.words("no provider is selected")

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        return [(name, "") for name in console.flow.seen("provider")]

    async def run(self, console: Surface, argument: str) -> None:
        found = console.view.provider
        await console.open_provider(argument.strip() or (found.name if found else ""))
