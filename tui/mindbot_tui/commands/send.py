"""Send a test message."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import ValidationError

from mindbot.api import calls, models
from mindbot.domain.errors import Invalid
from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to send, and who says it where."""

    text: str
    user: str = ""
    platform: str = "console"
    bot: str = ""


def read_draft(text: str) -> Draft:
    """Read ``[@USER] [#PLATFORM[/BOT]] TEXT``, the marks in any order."""
    user, platform, bot = "", "console", ""
    rest = text.strip()
    while rest[:1] in ("@", "#"):
        word, _, after = rest.partition(" ")
        if len(word) == 1 or not after.strip():
            break
        if word[0] == "@":
            user = word[1:]
        else:
            platform, _, bot = word[1:].partition("/")
        rest = after.strip()
    return Draft(rest, user, platform, bot)


def call_line(draft: Draft) -> str:
    """Return the command line that sends it."""
    words = ["mindbot", "send", shlex.quote(draft.text), "--no-wait"]
    if draft.platform != "console":
        words += ["--platform", shlex.quote(draft.platform)]
    if draft.bot:
        words += ["--bot", shlex.quote(draft.bot)]
    if draft.user:
        words += ["--user", shlex.quote(draft.user)]
    return " ".join(words)


class Send(Command):
    name = "send"
    help = "send a test message through the whole pipeline"
    argument = "[@USER] [#PLATFORM[/BOT]] TEXT"
    needs = "operator"
    asks = True

    async def run(self, console: Surface, argument: str) -> None:
        draft = read_draft(argument)
        if not draft.text:
            (await console.show_flow()).compose_message()
            return
        try:
            order = models.SendMessage(
                text=draft.text, platform=draft.platform, bot=draft.bot, user=draft.user, wait=False
            )
        except ValidationError as error:
            first = error.errors()[0]
            raise Invalid(f"{first['loc'][0]}: {first['msg']}") from error
        console.state.called(call_line(draft))
        turn = await console.api.ask(calls.send(order))
        console.state.note("ok", "sent as turn {id}", id=turn.id)

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        return [(f"#{platform} ", "") for platform in console.flow.seen("platform")]
