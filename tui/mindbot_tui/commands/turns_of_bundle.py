"""Show the turns that failed for one cause."""

from __future__ import annotations

from mindbot_tui.commands.on_bundle import OnBundle
from mindbot_tui.surface import Surface


class TurnsOfBundle(OnBundle):
    name = "turns-of-bundle"
    help = "show only the turns that failed for the selected cause"

    async def run(self, console: Surface, argument: str) -> None:
        if (bundle := console.view.bundle) is not None:
            (await console.show_flow()).set_filter(bundle.filter)
