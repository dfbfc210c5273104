"""What can be done about what waits: a delivery in the outbox, or a dead letter."""

from __future__ import annotations

from mindbot.api import queue_calls
from mindbot_tui.commands.base import Command
from mindbot_tui.commands.discard import Discard
from mindbot_tui.commands.retry import Retry
from mindbot_tui.surface import Surface


class OnQueue(Command):
    """It is about a delivery, or a dead letter."""

    needs = "operator"
    asks = True

    def unavailable(self, console: Surface, argument: str = "") -> str:
        view = console.view
        if view.delivery or view.dead_letter:
            return ""
        if view.view == "queue" and view.turn:
            return console.words("this is a turn: it is deliveries that are tried again")
        return console.words("no waiting delivery is selected")


class Hasten(OnQueue):
    """Tries again now."""

    name = "hasten"
    help = "try the waiting delivery, or the dead letter, again now"

    async def run(self, console: Surface, argument: str) -> None:
        if not (id := console.view.delivery):
            await Retry().run(console, argument)
            return
        console.state.called(f"mindbot queue hasten {id}")
        await console.api.ask(queue_calls.hasten(id))
        console.say(console.words("{id} is tried again now", id=id))
        console.view.reload()


class GiveUp(OnQueue):
    """A delivery becomes a dead letter, which can be tried again; a dead letter is put away."""

    name = "give-up"
    help = "let the waiting delivery be a dead letter; put a dead letter away"

    async def run(self, console: Surface, argument: str) -> None:
        if not (id := console.view.delivery):
            await Discard().run(console, argument)
            return
        words = console.words
        question = words("Give {id} up? It is a dead letter then, to be tried again.", id=id)
        if not await console.confirm(question):
            return
        console.state.called(f"mindbot queue cancel {id}")
        await console.api.ask(queue_calls.cancel(id))
        console.say(words("{id} is a dead letter", id=id))
        console.view.reload()
