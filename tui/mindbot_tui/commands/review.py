"""Give a verdict on a correction."""

from __future__ import annotations

import shlex
from typing import Literal

from mindbot.api import workflow_calls as calls
from mindbot.api.shown_routes import corrected
from mindbot_tui.cells import brief
from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface

JuryVerdict = Literal["accept", "reject", "revert"]
#: The state that each leads to.
_STATES: dict[JuryVerdict, str] = {"accept": "accepted", "reject": "rejected", "revert": "reverted"}


class Review(Command):
    """Each verdict is a command."""

    needs = "operator"
    asks = True

    def __init__(self, verdict: JuryVerdict, help: str) -> None:
        self.name = verdict  # type: ignore[misc]  # one class for all verdicts
        self.help = help  # type: ignore[misc]
        self._verdict: JuryVerdict = verdict

    def unavailable(self, console: Surface, argument: str = "") -> str:
        found = console.view.correction
        if found is None:
            return console.words("no correction is selected")
        if found.state == _STATES[self._verdict]:
            return console.words("this correction is {state}", state=console.words(found.state))
        if self._verdict == "revert" and found.state != "accepted":
            return console.words("only what was accepted is reverted")
        return ""

    async def run(self, console: Surface, argument: str) -> None:
        selected = console.view.correction
        assert selected is not None
        console.state.called(shlex.join(["mindbot", "route", "learn", f"--{self._verdict}", selected.id]))
        found = await console.api.ask(calls.review(selected.id, self._verdict))
        words = console.words
        said = words("{what} is {state}", what=brief(corrected(found, words)), state=words(found.state))
        console.say(said)
        console.view.reload()
