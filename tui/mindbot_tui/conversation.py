"""The last turns of a conversation, asked of the daemon as far as they may have changed."""

from __future__ import annotations

from mindbot.api import calls
from mindbot.api.models import TurnSummary, TurnView
from mindbot.domain.turn import DONE_STATES
from mindbot.filters.tokens import quote
from mindbot_tui.daemon import Daemon

TURNS = 6


class Conversation:
    """The turns around one of a session: the last ones where that is among them, else those before it."""

    def __init__(self, api: Daemon) -> None:
        self._api = api
        self._session = ""
        self._known: dict[str, tuple[tuple[str, str], TurnView]] = {}

    async def around(self, turn: TurnView) -> list[TurnView]:
        """Return them, oldest first, ``turn`` as it is given; raises MindBotError."""
        if not turn.session:
            return [turn]
        if turn.session != self._session:
            self._session, self._known = turn.session, {}
        filter = f"session == {quote(turn.session)}"
        found = await self._api.ask(calls.turns(filter, TURNS))
        if all(each.id != turn.id for each in found):
            found = await self._api.ask(calls.turns(filter, TURNS - 1, turn.id))
        else:
            found = [each for each in found if each.id != turn.id]
        views = [await self._view(each) for each in found]
        ids = {each.id for each in found}
        self._known = {id: known for id, known in self._known.items() if id in ids}
        return sorted([*views, turn], key=lambda each: each.id)

    async def _view(self, line: TurnSummary) -> TurnView:
        """Return all of a turn; of one that is over, as it was when that was asked."""
        state = (line.state, line.delivery)
        known = self._known.get(line.id)
        if known is not None and known[0] == state and line.state in DONE_STATES:
            return known[1]
        view = await self._api.ask(calls.turn(line.id))
        self._known[line.id] = (state, view)
        return view
