"""Send a test message."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import ValidationError

from mindbot.api import calls, models
from mindbot.api.shown_turns import reaches_people
from mindbot.domain.errors import Invalid
from mindbot_tui.cells import brief
from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface

DRY = "--dry-run"


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to send, and who says it where. Of a ``dry`` one nothing is sent to anybody."""

    text: str
    user: str = ""
    platform: str = "console"
    bot: str = ""
    dry: bool = False


def read_draft(text: str) -> Draft:
    """Read ``[--dry-run] [@USER] [#PLATFORM[/BOT]] TEXT``, the marks in any order."""
    user, platform, bot, dry = "", "console", "", False
    rest = text.strip()
    while rest:
        word, _, after = rest.partition(" ")
        if word == DRY:
            dry = True
        elif word[0] not in "@#" or len(word) == 1 or not after.strip():
            break
        elif word[0] == "@":
            user = word[1:]
        else:
            platform, _, bot = word[1:].partition("/")
        rest = after.strip()
    return Draft(rest, user, platform, bot, dry)


def call_line(draft: Draft) -> str:
    """Return the command line that sends it."""
    words = ["mindbot", "send", shlex.quote(draft.text), "--no-wait"]
    if draft.platform != "console":
        words += ["--platform", shlex.quote(draft.platform)]
    if draft.bot:
        words += ["--bot", shlex.quote(draft.bot)]
    if draft.user:
        words += ["--user", shlex.quote(draft.user)]
    if draft.dry:
        words.append(DRY)
    elif reaches_people(draft.platform):
        words.append("--yes")
    return " ".join(words)


class Send(Command):
    name = "send"
    help = "send a test message through the whole pipeline"
    argument = "[--dry-run] [@USER] [#PLATFORM[/BOT]] TEXT"
    needs = "operator"
    asks = True

    async def run(self, console: Surface, argument: str) -> None:
        draft = read_draft(argument)
        if not draft.text:
            (await console.show_flow()).compose_message()
            return
        try:
            order = models.SendMessage(
                text=draft.text,
                platform=draft.platform,
                bot=draft.bot,
                user=draft.user,
                wait=False,
                dry_run=draft.dry,
            )
        except ValidationError as error:
            first = error.errors()[0]
            raise Invalid(f"{first['loc'][0]}: {first['msg']}") from error
        if not draft.dry and reaches_people(draft.platform) and not await self._may(console, draft):
            console.say(console.words("not sent; ↑ in the box brings it back"))
            return
        console.state.called(call_line(draft))
        turn = await console.api.ask(calls.send(order))
        if draft.dry:
            console.say(console.words("tried as turn {id}; nothing is sent", id=turn.id))
        else:
            console.state.note("ok", "sent as turn {id}", id=turn.id)

    async def _may(self, console: Surface, draft: Draft) -> bool:
        where = f"{draft.platform}/{draft.bot}" if draft.bot else draft.platform
        return await console.confirm(
            console.words(
                "{user} on {where} will receive the answer to: {text}\nSend it?",
                user=draft.user or "operator",
                where=where,
                text=brief(draft.text),
            )
        )

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        dry = (f"{DRY} ", console.words("only show the answer: nothing is sent to anybody"))
        return [dry, *((f"#{platform} ", "") for platform in console.flow.seen("platform"))]
