"""Switch a model provider off."""

from __future__ import annotations

from mindbot_tui.cells import brief
from mindbot_tui.commands.on_provider import OnProvider
from mindbot_tui.surface import Surface


class Disable(OnProvider):
    name = "disable"
    help = "switch the selected provider off until it is switched on again, also over restarts"
    needs = "operator"
    asks = True

    def unavailable(self, console: Surface, argument: str = "") -> str:
        if why := super().unavailable(console, argument):
            return why
        return "" if self.provider(console).enabled else console.words("this provider is off")

    async def run(self, console: Surface, argument: str) -> None:
        name = self.provider(console).name  # the list may move on while we ask
        question = console.words(
            "Switch {provider} off? Others answer in its place, where there are any.", provider=brief(name)
        )
        if await console.confirm(question):
            await self.switch(console, name, on=False)
