"""Take back what a turn sent."""

from __future__ import annotations

from mindbot.api import calls
from mindbot_tui.commands.base import Command
from mindbot_tui.surface import Surface


class TakeBack(Command):
    name = "take-back"
    help = "take what the selected turn sent off the screens again"
    needs = "operator"
    asks = True

    def unavailable(self, console: Surface, argument: str = "") -> str:
        return "" if console.view.turn else console.words("no turn is selected")

    async def run(self, console: Surface, argument: str) -> None:
        turn = console.view.turn  # the list may move on while we ask
        if not await console.confirm(console.words("Take back what {id} sent?", id=turn)):
            return
        console.state.called(f"mindbot platform take-back {turn}")
        found = await console.api.ask(calls.take_back(turn))
        stays = [each.why for each in found if not each.taken_back]
        if stays:
            n = len(stays)
            console.say(console.words("{n} of {all} stay: {why}", n=n, all=len(found), why=stays[0]))
        else:
            console.say(console.words("taken back: {id}", id=turn))
        console.view.reload()
