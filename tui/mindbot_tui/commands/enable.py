"""Switch a model provider on."""

from __future__ import annotations

from mindbot_tui.commands.on_provider import OnProvider
from mindbot_tui.surface import Surface


class Enable(OnProvider):
    name = "enable"
    help = "switch the selected provider on; refused and cooling keys are tried again"
    needs = "operator"
    asks = True

    def unavailable(self, console: Surface, argument: str = "") -> str:
        if why := super().unavailable(console, argument):
            return why
        well = self.provider(console).state == "ok"
        return console.words("this provider is on, and nothing of it is left alone") if well else ""

    async def run(self, console: Surface, argument: str) -> None:
        await self.switch(console, self.provider(console).name, on=True)
