"""Let the bot forget a conversation."""

from __future__ import annotations

import shlex

from mindbot.api import calls
from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class Forget(Command):
    name = "forget"
    help = "let the bot forget what was said in the selected conversation"
    needs = "operator"
    asks = True

    def unavailable(self, console: Surface, argument: str = "") -> str:
        return "" if console.view.session else console.words("no conversation is selected")

    async def run(self, console: Surface, argument: str) -> None:
        session = console.view.session  # the list may move on while we ask
        if not await console.confirm(console.words("Forget what was said in {session}?", session=session)):
            return
        console.state.called(shlex.join(["mindbot", "session", "clear", session]))
        found = await console.api.ask(calls.clear(session))
        console.say(console.words("forgotten: {session}", session=found.session))
        console.view.reload()
