"""Show what a model provider answered, and where it failed."""

from __future__ import annotations

from mindbot.filters.tokens import quote
from mindbot_tui.commands.on_provider import OnProvider
from mindbot_tui.surface import Surface


class TurnsBy(OnProvider):
    name = "turns-by"
    help = "show only the turns that the selected provider answered, or failed at last"

    async def run(self, console: Surface, argument: str) -> None:
        name = self.provider(console).name
        flow = await console.show_flow()
        flow.set_filter(f"provider == {quote(name)}")
