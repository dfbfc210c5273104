"""Run a parked turn again from a stage on."""

from __future__ import annotations

from collections.abc import Iterable

from mindbot.api import debug_calls as calls
from mindbot_tui.commands.break_at import STAGES
from mindbot_tui.commands.on_parked import OnParked
from mindbot_tui.surface import Surface


class RestartStage(OnParked):
    name = "restart-stage"
    help = "let the selected parked turn begin a stage again: the one it stands in, or another around it"
    argument = "[STAGE]"

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        return [(stage, "") for stage in STAGES]

    async def run(self, console: Surface, argument: str) -> None:
        turn, stage = console.view.turn, argument.strip()
        words = ["restart-stage", turn, *(["--stage", stage] if stage else [])]
        await self.act(console, words, calls.debug_act(turn, "restart-stage", stage=stage))
