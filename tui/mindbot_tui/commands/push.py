"""Let a bot speak of its own accord."""

from __future__ import annotations

import shlex

from mindbot.api import calls, models
from mindbot.api.shown import not_reached
from mindbot.domain.errors import Invalid
from mindbot_tui.commands.on_bot import OnBot
from mindbot_tui.surface import Surface


class Push(OnBot):
    name = "push"
    help = "let the selected bot write to a user or a group"
    types = True
    argument = "@USER|#GROUP TEXT"
    said = ("refused: {why}", "not sent yet: {why}", "not reached: {who}")

    async def run(self, console: Surface, argument: str) -> None:
        platform, bot = self.bot(console)
        to, _, text = argument.strip().partition(" ")
        text = text.strip()
        if not argument:
            console.open_prompt("push @")
            return
        if to[:1] not in ("@", "#") or not to.strip("@#") or not text:
            raise Invalid("a push goes to somebody", hint="push @USER TEXT, or push #GROUP TEXT")
        if to[:2] in ("@@", "@#"):  # typed behind the @ that the key begins with
            to = to[1:]
        user, group = (to[1:], "") if to[0] == "@" else ("", to[1:])
        if len(text) > models.PUSH_TEXT or len(to) > models.PUSH_TO:
            raise Invalid("this is too long")
        receiver = ["--user", user] if user else ["--group", group]
        words = ["mindbot", "platform", "push", f"{platform}/{bot}", text, *receiver]
        console.state.called(shlex.join(words))
        console.say(console.words("pushing to {to} …", to=to))
        order = models.Push(text=text, user=user, group=group)
        turn = await console.api.ask(calls.push(platform, bot, order))
        states = {each.get("state") for each in turn.deliveries}
        missed = ", ".join(not_reached(turn))
        if states == {"sent"} and not missed:
            console.say(console.words("sent to {to}", to=to))
            return
        why = next((str(each["error"]) for each in turn.deliveries if each.get("error")), turn.reason)
        refused, waits, partly = self.said
        if states == {"sent"}:
            console.say(console.words(partly, who=missed), "warn")
            return
        said = refused if states & {"dead"} or not states else waits
        console.say(console.words(said, why=why or turn.state), "warn")
