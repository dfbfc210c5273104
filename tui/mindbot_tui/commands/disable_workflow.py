"""Switch a workflow off."""

from __future__ import annotations

from mindbot_tui.cells import brief
from mindbot_tui.commands.on_workflow import OnWorkflow
from mindbot_tui.surface import Surface


class DisableWorkflow(OnWorkflow):
    name = "disable-workflow"
    help = "switch the selected workflow off until it is switched on again, also over restarts"
    needs = "operator"
    asks = True

    def unavailable(self, console: Surface, argument: str = "") -> str:
        if why := super().unavailable(console, argument):
            return why
        state = self.workflow(console).state
        if state == "disabled":
            return console.words("the configuration disables this workflow")
        return console.words("this workflow is off") if state == "off" else ""

    async def run(self, console: Surface, argument: str) -> None:
        name = self.workflow(console).name  # the list may move on while we ask
        question = console.words(
            "Switch {workflow} off? The next of its chain answers in its place.", workflow=brief(name)
        )
        if await console.confirm(question):
            await self.switch(console, name, on=False)
