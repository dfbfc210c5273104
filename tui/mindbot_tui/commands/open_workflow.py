"""Open a workflow."""

from __future__ import annotations

from collections.abc import Iterable

from mindbot_tui.commands.base import Command
from mindbot_tui.commands.on_workflow import seen
from mindbot_tui.surface import Surface


class OpenWorkflow(Command):
    name = "workflow"
    help = "open a workflow: the selected one, or by its name"
    argument = "[WORKFLOW]"

    def unavailable(self, console: Surface, argument: str = "") -> str:
        return "" if argument or console.view.workflow else console.words("no workflow is selected")

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        return seen(console)

    async def run(self, console: Surface, argument: str) -> None:
        found = console.view.workflow
        await console.open_workflow(argument.strip() or (found.name if found else ""))
