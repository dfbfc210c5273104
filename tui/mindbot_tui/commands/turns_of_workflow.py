"""Show what a workflow answered."""

from __future__ import annotations

from mindbot.filters.tokens import quote
from mindbot_tui.commands.on_workflow import OnWorkflow
from mindbot_tui.surface import Surface


class TurnsOfWorkflow(OnWorkflow):
    name = "turns-of-workflow"
    help = "show only the turns that the selected workflow answered, or failed at last"

    async def run(self, console: Surface, argument: str) -> None:
        name = self.workflow(console).name
        flow = await console.show_flow()
        flow.set_filter(f"workflow == {quote(name)}")
