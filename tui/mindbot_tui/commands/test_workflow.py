"""Let a workflow prove that it can be asked."""

from __future__ import annotations

from mindbot.api import workflow_calls as calls
from mindbot_tui.cells import brief
from mindbot_tui.commands.on_workflow import OnWorkflow
from mindbot_tui.commands.proving import prove
from mindbot_tui.surface import Surface


class TestWorkflow(OnWorkflow):
    name = "test-workflow"
    help = "prove that the selected workflow's apps can be asked, without a run"
    needs = "operator"
    asks = True

    async def run(self, console: Surface, argument: str) -> None:
        name, words = self.workflow(console).name, console.words
        self.called(console, "test", name)
        title = words("Test of {workflow}", workflow=brief(name))
        note = words("Asking its apps about themselves; nothing is run.")
        await prove(console, title, note, (), calls.test_workflow(name))
