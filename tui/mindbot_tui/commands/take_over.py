"""Answer in a conversation in the bot's place, and give it back."""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Iterable

from mindbot.api import take_over_calls as calls
from mindbot.api.take_over_models import SayWords
from mindbot.domain.errors import Conflict, Invalid
from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface

_LONGEST = 100_000  # characters of a text


class InConversation(Command):
    """Is about the selected one."""

    needs = "operator"
    asks = True

    def unavailable(self, console: Surface, argument: str = "") -> str:
        return "" if console.view.session else console.words("no conversation is selected")


class TakeOver(InConversation):
    name = "take"
    help = "answer in the selected conversation in the bot's place; force: also from another operator"
    argument = "[force]"

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        return [("force", console.words("also from another operator"))]

    async def run(self, console: Surface, argument: str) -> None:
        session, words = console.view.session, console.words
        force = argument.strip() == "force"
        line = ["mindbot", "session", "take", session, *(["--force"] if force else [])]
        try:
            found = await console.api.ask(calls.take_session(session, force=force))
        except Conflict as error:
            question = words("{why}\nTake it from them?", why=error.message)
            if force or not await console.confirm(question):
                raise
            line.append("--force")
            found = await console.api.ask(calls.take_session(session, force=True))
        console.state.called(shlex.join(line))
        if found.on_the_way:
            console.say(words("{n} messages of the bot go out before yours", n=found.on_the_way), "warn")
        await console.open_subject("conversation", session)
        console.view.reload()


class SayInPlace(InConversation):
    name = "say"
    help = "say something in the selected conversation, in the bot's place"
    types = True
    argument = "TEXT"

    def __init__(self) -> None:
        #: What was not heard of yet goes out again under its key, and is said once.
        self._keys: dict[tuple[str, str], str] = {}

    async def run(self, console: Surface, argument: str) -> None:
        session = console.view.session
        if not argument:
            if not console.view.write():
                console.open_prompt("say ")
            return
        if len(argument) > _LONGEST:
            raise Invalid("this is too long")
        console.state.called(shlex.join(["mindbot", "session", "say", session, argument]))
        key = self._keys.setdefault((session, argument), secrets.token_hex(8))
        found = await console.api.ask(calls.say_in_session(session, SayWords(text=argument, key=key)))
        del self._keys[session, argument]
        if found.left is not None:
            console.say(console.words("{n} more until the user writes again", n=found.left))
        console.view.reload()


class GiveBack(InConversation):
    name = "hand-back"
    help = "let the bot answer again in the selected conversation, or the platform's own people"
    argument = "[bot|pool|end|USER]"

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        words = console.words
        return [("bot", words("back to the bot")), ("pool", words("people, whoever is free"))]

    async def run(self, console: Surface, argument: str) -> None:
        session, to = console.view.session, argument.strip() or "bot"
        line = ["mindbot", "session", "hand-back", session]
        console.state.called(shlex.join([*line, *([] if to == "bot" else ["--to", to])]))
        found = await console.api.ask(calls.hand_back(session, to))
        console.say(console.words("{session} is with: {who}", session=session, who=found.to or "bot"))
        console.view.reload()
