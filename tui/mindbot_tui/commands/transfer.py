"""Hand a conversation over."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from mindbot.api import calls
from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface

HANDS = (
    ("pool", "people, whoever is free"),
    ("bot", "back to the bot"),
    ("end", "end the conversation"),
)


class Transfer(Command):
    name = "transfer"
    help = "hand the selected conversation to people, or back to the bot"
    types = True
    argument = "pool|bot|end|USER"
    needs = "operator"
    asks = True

    def unavailable(self, console: Surface, argument: str = "") -> str:
        if not console.view.session:
            return console.words("no conversation is selected")
        return (
            "" if console.view.transferable else console.words("nobody serves this platform beside the bot")
        )

    async def run(self, console: Surface, argument: str) -> None:
        if not argument:
            console.open_prompt("transfer ")
            return
        session = console.view.session
        console.state.called(shlex.join(["mindbot", "session", "transfer", session, argument]))
        found = await console.api.ask(calls.transfer(session, argument))
        who = f": {found.servicer}" if found.servicer else ""
        console.say(console.words("{session} is {state}", session=found.session, state=found.state + who))
        console.view.reload()

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        return [(to, console.words(help)) for to, help in HANDS]
