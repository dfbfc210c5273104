"""Make a turn again, and hold the two against each other."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from mindbot.api import replay_calls as calls
from mindbot.api import workflow_calls
from mindbot.api.replay_models import ReplayTurn
from mindbot.domain.errors import Invalid
from mindbot_tui.commands.base import Command
from mindbot_tui.commands.break_at import STAGES, YES
from mindbot_tui.state.forms import Form, FormField, chosen_from
from mindbot_tui.surface import Surface

THEN = ("now", "then")


class Replay(Command):
    name = "replay"
    help = "make the selected turn again, with another workflow, model or text; nothing of it is sent"
    needs = "operator"
    asks = True

    def unavailable(self, console: Surface, argument: str = "") -> str:
        return "" if console.view.turn else console.words("no turn is selected")

    async def run(self, console: Surface, argument: str) -> None:
        turn, words = console.view.turn, console.words

        async def done(filled: Mapping[str, str]) -> None:
            order = wanted(filled)
            console.state.called(call_line(turn, order))
            found = await console.api.ask(calls.replay(turn, order))
            console.run_command(f"diff {found.of} {found.turn}")

        workflows = [each.name for each in await console.api.ask(workflow_calls.workflows())]
        yes, routed = words("yes"), words("empty: as it is routed")
        fields = [
            FormField("from_stage", words("from stage"), "", words("empty: the top"), chosen_from(*STAGES)),
            FormField("workflow", words("workflow"), "", routed, chosen_from(*workflows)),
            FormField("model", words("model"), "", words("PROVIDER, PROVIDER/MODEL or MODEL")),
            FormField("text", words("text"), "", words("empty: what the user wrote")),
            FormField("mode", words("as"), "now", words("now: by today's configuration; then: as it was")),
            FormField("recorded", words("recorded"), "", words("yes: nobody is asked"), chosen_from(yes)),
        ]
        note = words("dry: nothing of it is sent to anybody")
        console.fill_in(Form(words("Replay of {turn}", turn=turn), fields, done, note))


def wanted(filled: Mapping[str, str]) -> ReplayTurn:
    """Return what was filled in; raises Invalid."""
    mode = filled["mode"] or "now"
    if mode not in THEN:
        raise Invalid(f"as {mode!r}?", hint="now, then")
    text = filled["text"]
    return ReplayTurn(
        from_stage=filled["from_stage"],
        workflow=filled["workflow"],
        model=filled["model"],
        edits={"message.text": text} if text else {},
        mode="then" if mode == "then" else "now",
        recorded=filled["recorded"].casefold() in YES,
    )


def call_line(turn: str, order: ReplayTurn) -> str:
    """Return the command line that does the same."""
    words = ["mindbot", "replay", turn]
    for option, value in (("from", order.from_stage), ("workflow", order.workflow), ("model", order.model)):
        words += [f"--{option}", value] if value else []
    for path, value in order.edits.items():
        words += ["--set", f"{path}={value}"]
    words += ["--as-then"] if order.mode == "then" else []
    words += ["--recorded"] if order.recorded else []
    return shlex.join(words)
