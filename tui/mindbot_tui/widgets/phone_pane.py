"""The phone of an open turn: asks for the conversation around it while it is on."""

from __future__ import annotations

from textual import work

from mindbot.api.models import TurnView
from mindbot.domain.errors import MindBotError
from mindbot_tui.cells import clock
from mindbot_tui.conversation import Conversation
from mindbot_tui.state.live_turn import LiveTurn
from mindbot_tui.state.phone import Bubble, exchange
from mindbot_tui.widgets.phone import Phone

EVERY = 3.0  # seconds between looks at the conversation


class PhonePane(Phone):
    """Call `follow` from a timer while it is seen."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._conversation: Conversation | None = None
        self._around: list[TurnView] = []
        self._asked = -1e9
        self._about = ""
        self._shows: object = None

    def follow(self, live: LiveTurn) -> None:
        """Show the conversation around a turn, and that turn as it is now."""
        turn = live.view
        if turn is None:
            return
        state = self.console.state
        if state.link.attached and (turn.id != self._about or state.clock() - self._asked > EVERY):
            self._asked, self._about = state.clock(), turn.id
            self._ask(turn)
        as_of = clock(state.link.since) if state.link.detached else ""
        shows = (turn.id, live.revision, live.said, id(self._around), self.words.language, as_of)
        if shows == self._shows:
            return
        self._shows = shows
        around = self._around if any(each.id == turn.id for each in self._around) else [turn]
        bubbles: list[Bubble] = []
        followed = 0
        for each in around:
            open = each.id == turn.id
            told, saying = (turn, live.saying) if open else (each, each.saying)
            bubbles += exchange(told, saying, self.words, as_of)
            followed = len(bubbles) if open else followed
        self.put(bubbles, followed)

    @work(group="phone", exclusive=True)
    async def _ask(self, turn: TurnView) -> None:
        if self._conversation is None:
            self._conversation = Conversation(self.console.api)
        try:
            self._around = await self._conversation.around(turn)
        except MindBotError as error:
            self.console.state.note("bad", str(error))
