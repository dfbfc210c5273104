"""What can be done about a workflow."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from mindbot.api import workflow_calls as calls
from mindbot.api.shown_workflows import state
from mindbot.api.workflow_models import WorkflowView
from mindbot_tui.cells import brief
from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class OnWorkflow(Command):
    """Is about the selected one."""

    def unavailable(self, console: Surface, argument: str = "") -> str:
        return "" if console.view.workflow else console.words("no workflow is selected")

    def workflow(self, console: Surface) -> WorkflowView:
        """Return it, as it was when the daemon was asked last."""
        assert console.view.workflow is not None
        return console.view.workflow

    def called(self, console: Surface, verb: str, *words: str) -> None:
        """Show the command line that does the same."""
        console.state.called(shlex.join(["mindbot", "workflow", verb, *words]))

    async def switch(self, console: Surface, name: str, *, on: bool, keep: bool = True) -> None:
        """Switch it on or off, say how it is now, and ask again; ``keep`` it to be taken back."""
        self.called(console, "enable" if on else "disable", name)
        found = await console.api.ask(calls.switch_workflow(name, on=on))
        now = state(found, console.words)
        console.say(console.words("{workflow} is now: {state}", workflow=brief(name), state=now))
        console.view.reload()

        async def back() -> bool:
            await self.switch(console, name, on=not on, keep=False)
            return True

        if keep:
            what = console.words("switching {name} on" if on else "switching {name} off", name=brief(name))
            console.state.acts.did(what, back)


def seen(console: Surface) -> Iterable[tuple[str, str]]:
    """Return the workflows that late turns went to, as offers."""
    return [(name, "") for name in console.flow.seen("workflow")]
