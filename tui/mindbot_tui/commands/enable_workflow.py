"""Switch a workflow on."""

from __future__ import annotations

from mindbot_tui.commands.on_workflow import OnWorkflow
from mindbot_tui.surface import Surface


class EnableWorkflow(OnWorkflow):
    name = "enable-workflow"
    help = "switch the selected workflow on; open breakers are tried again"
    needs = "operator"
    asks = True

    def unavailable(self, console: Surface, argument: str = "") -> str:
        if why := super().unavailable(console, argument):
            return why
        state = self.workflow(console).state
        if state == "disabled":
            return console.words("the configuration disables this workflow")
        return console.words("this workflow is on, and nothing of it is left alone") if state == "ok" else ""

    async def run(self, console: Surface, argument: str) -> None:
        await self.switch(console, self.workflow(console).name, on=True)
