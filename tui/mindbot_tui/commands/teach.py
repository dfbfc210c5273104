"""Say where a message belongs."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from mindbot.api import workflow_calls as calls
from mindbot.api.shown_routes import corrected
from mindbot.api.workflow_models import TeachRoute
from mindbot.domain.errors import Invalid
from mindbot_tui.cells import brief
from mindbot_tui.commands.base import Command
from mindbot_tui.commands.on_workflow import seen
from mindbot_tui.surface import Surface

_LONGEST, _NAME = 100_000, 256  # characters of a text, of a name


class Teach(Command):
    name = "teach"
    help = "say which workflow the selected turn's message, or a text, belongs to; none: to no workflow"
    types = True
    argument = "WORKFLOW|none [TEXT]"
    needs = "operator"
    asks = True

    def unavailable(self, console: Surface, argument: str = "") -> str:
        _, _, text = argument.strip().partition(" ")
        return "" if text or console.view.turn else console.words("no turn is selected")

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        return [*seen(console), ("none", console.words("it belongs to no workflow"))]

    async def run(self, console: Surface, argument: str) -> None:
        name, _, text = argument.strip().partition(" ")
        turn = "" if text else console.view.turn
        if not name:
            console.open_prompt("teach ")
            return
        if len(name) > _NAME or len(text) > _LONGEST:
            raise Invalid("this is too long")
        workflow = None if name == "none" else name
        what = ["--turn", turn] if turn else [text.strip()]
        console.state.called(shlex.join(["mindbot", "route", "learn", *what, "--workflow", name]))
        found = await console.api.ask(
            calls.teach(TeachRoute(text=text.strip(), turn=turn, workflow=workflow))
        )
        words = console.words
        said = words("{what} is {state}", what=brief(corrected(found, words)), state=words(found.state))
        console.say(said)
        console.view.reload()
