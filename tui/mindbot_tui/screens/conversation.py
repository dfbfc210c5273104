"""A conversation that an operator may take over: what was said, who answers, and a box to speak in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input, Static

from mindbot.api import calls, take_over_calls
from mindbot.api.models import TurnView
from mindbot.api.take_over_models import TakenSessionView
from mindbot.domain.turn import DONE_STATES
from mindbot.filters.tokens import quote
from mindbot_tui.cells import age, brief, clean, clock
from mindbot_tui.commands.catalog import COMMANDS
from mindbot_tui.conversation import Conversation
from mindbot_tui.keymap import bindings
from mindbot_tui.screens.view import View
from mindbot_tui.state.phone import exchange
from mindbot_tui.widgets.line import Line, fitting
from mindbot_tui.widgets.offers import Offer, OfferInput, Offers
from mindbot_tui.widgets.paint import Piece
from mindbot_tui.widgets.phone import Phone


class WhoAnswers(Line):
    """Who answers in a conversation, since when, and whether its user waits for them."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._taken: TakenSessionView | None = None

    def put(self, taken: TakenSessionView | None) -> None:
        """Show that somebody has taken it, or that the bot answers."""
        self._taken = taken
        self.sync()

    def pieces(self, width: int) -> list[Piece]:
        taken, words, now = self._taken, self.words, self.console.state.clock()
        if taken is None:
            key = self.console.keymap.first("take_here")
            return fitting([[(words(" the bot answers; {key} takes it over", key=key), "dim")]], width)
        who = f"{taken.taken_by} · {taken.console}" if taken.console else taken.taken_by
        since = words(" {who} answers since {time}", who=clean(who), time=clock(taken.taken_since))
        groups: list[list[Piece]] = [[(since, "wait")]]
        if taken.waiting_since:
            waits = words("the user waits for {time}", time=age(now - taken.waiting_since))
            groups.append([(waits, "bad")])
        if taken.idle_at:
            back = words("back to the bot in {time} unless somebody speaks", time=age(taken.idle_at - now))
            groups.append([(back, "dim")])
        return fitting(groups, width)


class ConversationScreen(View):
    view: ClassVar[str] = "conversation"
    contexts: ClassVar[tuple[str, ...]] = ("conversation",)
    BINDINGS = bindings("conversation")  # type: ignore[assignment]
    AUTO_FOCUS = "#say"
    every: ClassVar[float] = 2.0

    def __init__(self, session: str) -> None:
        super().__init__()
        self._session = session
        self._talk: Conversation | None = None
        self._around: Sequence[TurnView] = ()

    @property
    def title_text(self) -> str:
        return self.console.words("Conversation {session}", session=brief(self._session, 40))

    @property
    def session(self) -> str:
        return self._session

    @property
    def subject(self) -> str:
        return self._session

    @property
    def turn(self) -> str:
        """Its last turn."""
        return self._around[-1].id if self._around else ""

    @property
    def opens(self) -> bool:
        return False

    @property
    def copies(self) -> str:
        return self._session

    @property
    def transferable(self) -> bool:
        return True

    def body(self) -> ComposeResult:
        self._who, self._phone = WhoAnswers(id="who-answers"), Phone(id="talk")
        self._offers = Offers(id="say-offers")
        self._box = OfferInput(self._offers, _no_offers, id="say")
        yield self._who
        yield self._phone
        yield self._offers
        with Horizontal(id="say-line"):
            yield Static(" › ", id="say-mark")
            yield self._box

    def on_mount(self) -> None:
        self.speak()

    def speak(self) -> None:
        self._box.placeholder = self.console.words("speak in the bot's place")
        super().speak()
        self._put()

    def write(self) -> bool:
        self.set_focus(self._box)
        return True

    async def load(self) -> None:
        api = self.console.api
        taken = await api.ask(take_over_calls.taken_sessions())
        self._who.put(next((each for each in taken if each.session == self._session), None))
        found = await api.ask(calls.turns(f"session == {quote(self._session)}", 1))
        if self._talk is None:
            self._talk = Conversation(api)
        self._around = await self._talk.around(await api.ask(calls.turn(found[0].id))) if found else ()
        self._put()

    def _put(self) -> None:
        words = self.console.words
        bubbles = [bubble for each in self._around for bubble in exchange(each, each.saying, words)]
        self._phone.put(bubbles, len(bubbles))

    def _ask_again(self) -> None:
        """What is said is seen at once: the list of turns is kept up to date by events."""
        state = self.console.state
        row = state.turns.get(self.turn)
        last = self._around[-1] if self._around else None
        moved = (
            row is not None and last is not None and (row.state, row.delivery) != (last.state, last.delivery)
        )
        if moved and row is not None and row.state in DONE_STATES and not self._asking:
            self.reload()
        else:
            super()._ask_again()

    def tick(self) -> None:
        self._who.sync()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        text = event.value.strip()
        if event.input is not self._box or not text:
            return
        if why := COMMANDS["say"].refused(self.console):
            self.console.say(why, "warn")  # what is written stays in the box
            return
        self._box.remember(text)
        self._box.value = ""
        self.console.run_command(f"say {text}")

    def on_offer_input_left(self, event: OfferInput.Left) -> None:
        self._phone.focus()


def _no_offers(text: str, cursor: int) -> Sequence[Offer]:
    return ()
