"""Let the bot forget the last exchanges of a conversation."""

from __future__ import annotations

import shlex

from mindbot.api import rollback_calls
from mindbot.api.rollback_models import ExchangeView, RollBack
from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface

_SAID = 60  # characters of what was said
_MOST = 100


class Rollback(Command):
    """They are shown before they are forgotten; `undo` takes it back."""

    name = "rollback"
    help = "let the bot forget the last exchanges of the selected conversation"
    argument = "[N]"
    needs = "operator"
    asks = True

    def unavailable(self, console: Surface, argument: str = "") -> str:
        if not console.view.session:
            return console.words("no conversation is selected")
        if argument and not (argument.isdecimal() and 1 <= int(argument) <= _MOST):
            return console.words("how many exchanges? a number from 1 to {most}", most=_MOST)
        return ""

    async def run(self, console: Surface, argument: str) -> None:
        session, count = console.view.session, int(argument or 1)
        look = RollBack(exchanges=count, dry_run=True)
        there = await console.api.ask(rollback_calls.roll_back(session, look))
        question = console.words("Forget these exchanges of {session}?", session=session)
        if not await console.confirm("\n".join([question, *map(_line, there.exchanges)])):
            return
        console.state.called(shlex.join(["mindbot", "session", "rollback", session, str(count), "--yes"]))
        order = RollBack(exchanges=count, turns=[each.turn for each in there.exchanges])
        await console.api.ask(rollback_calls.roll_back(session, order))
        what = console.words("forgotten: {count} of {session}", count=len(there.exchanges), session=session)

        async def undo() -> bool:
            console.state.called(shlex.join(["mindbot", "session", "restore", session]))
            await console.api.ask(rollback_calls.restore(session))
            return True

        console.state.acts.did(what, undo)
        console.say(what)


def _line(each: ExchangeView) -> str:
    said = " ".join(f"› {each.text} ‹ {each.reply}".split())
    return said if len(said) <= _SAID else f"{said[: _SAID - 1]}…"
