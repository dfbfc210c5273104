"""Run a text by hand with one workflow."""

from __future__ import annotations

from dataclasses import dataclass, field

from mindbot.api import workflow_calls as calls
from mindbot.api.shown_workflows import run_head
from mindbot.api.workflow_models import RunWorkflow
from mindbot_tui.cells import brief
from mindbot_tui.commands.on_workflow import OnWorkflow
from mindbot_tui.commands.running import check, one, run_shown
from mindbot_tui.surface import Surface


@dataclass(frozen=True, slots=True)
class RunDraft:
    """A text to run, as whom, and with which inputs."""

    text: str
    user: str = ""
    inputs: dict[str, str] = field(default_factory=dict)


def read_run(text: str) -> RunDraft:
    """Read ``[@USER] [+INPUT=VALUE] TEXT``, the marks in any order."""
    user, inputs, rest = "", {}, text.strip()
    while rest[:1] in ("@", "+"):
        word, _, after = rest.partition(" ")
        name, equals, value = word[1:].partition("=")
        if not name or (word[0] == "+" and not equals):
            break
        if word[0] == "@":
            user = word[1:]
        else:
            inputs[name] = value
        rest = after.strip()
    return RunDraft(rest, user, inputs)


class RunByHand(OnWorkflow):
    name = "run"
    help = "run a text by hand with the selected workflow and see its nodes; no user sees it"
    types = True
    argument = "[@USER] [+INPUT=VALUE] TEXT"
    needs = "operator"
    asks = True

    async def run(self, console: Surface, argument: str) -> None:
        name, draft, words = self.workflow(console).name, read_run(argument), console.words
        if not draft.text:
            console.open_prompt("run ")
            return
        check(draft.text, draft.user, *draft.inputs)
        user = ["--user", draft.user] if draft.user else []
        inputs = [word for key, value in draft.inputs.items() for word in ("--input", f"{key}={value}")]
        self.called(console, "run", name, draft.text, *user, *inputs)
        order = RunWorkflow(text=draft.text, user=draft.user, inputs=dict(draft.inputs))
        title = words("A run of {workflow}", workflow=brief(name))
        found = await run_shown(console, title, calls.run_workflow(name, order), one)
        if found is not None:
            console.say(f"{title}: {run_head(found, words)}", "bad" if found.error else "ok")
