"""What is not done: turns in the inbox, deliveries in the outbox, dead letters; and what each waits for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from mindbot.api import calls, queue_calls
from mindbot.api.models import DeadLetter
from mindbot.api.queue_models import QueuedView
from mindbot.api.shown_queue import reason
from mindbot.filters.fields import FieldSet
from mindbot_tui.cells import age, clock
from mindbot_tui.keymap import bindings
from mindbot_tui.screens.facts_table import FactsTable
from mindbot_tui.state.letters import given_up
from mindbot_tui.state.list_fields import QUEUE_FIELDS
from mindbot_tui.widgets.columns import Cell, Column
from mindbot_tui.widgets.turn_list import STATES as TURN_STATES

_MOST = 500  # that are listed of each
_DEAD = "dead letter"
_SIGNS: dict[str, Cell] = {
    **TURN_STATES,
    "open": ("▸", "busy"),
    "sending": ("▸", "busy"),
    "pending": ("◌", "dim"),
    "unknown": ("?", "wait"),
    "dead": ("✗", "bad"),
}
PLACES = ("inbox", "outbox", _DEAD)
#: How deliveries are, beside the states of turns.
STATES = ("open", "sending", "pending", "unknown")


class Queue(FactsTable[QueuedView]):
    view: ClassVar[str] = "queue"
    heading: ClassVar[str] = "Queue"
    contexts: ClassVar[tuple[str, ...]] = ("queue", "list", "filtered")
    BINDINGS = bindings("queue", "list", "filtered")  # type: ignore[assignment]
    cli: ClassVar[str] = "mindbot queue list"
    empty: ClassVar[str] = "nothing waits and nothing is under way"
    fields: ClassVar[FieldSet] = QUEUE_FIELDS
    every: ClassVar[float] = 2.0

    def __init__(self) -> None:
        super().__init__()
        self._counts: dict[str, int] = {}
        self._disk = False

    @property
    def title_text(self) -> str:
        words, counts = self.console.words, self._counts
        if not any(counts.values()):
            return super().title_text
        told = words("Queue: {turns} in, {deliveries} out, {dead} dead", **counts)
        return told + words(", more on disk") if self._disk else told

    def columns(self) -> Sequence[Column[QueuedView]]:
        return [
            Column("AGE", self._age, 4, right=True, by=lambda q: -q.since),
            Column("", lambda q: _SIGNS.get(q.state, ("?", "warn")), 1),
            Column("IN", self._place, 7, wide=11),
            Column("USER", lambda q: (q.user, "accent"), 9, wide=14, least=70),
            Column("BOT", lambda q: (f"{q.platform}/{q.bot}", "name"), 14, wide=20, least=60),
            Column("TRIES", lambda q: (str(q.attempts or ""), "text"), 5, right=True, least=90),
            Column("WAITS FOR", self._why, weight=3),
            Column("TEXT", lambda q: (q.text, "text"), weight=2, least=70),
            Column("ERROR", lambda q: (q.error, "bad"), weight=2, least=110),
            Column("ID", lambda q: (q.id, "dim"), 16, least=150),
        ]

    def _age(self, row: QueuedView) -> Cell:
        return age(self.console.state.clock() - row.since), "dim"

    def _place(self, row: QueuedView) -> Cell:
        return self.console.words(row.place), "bad" if row.place == _DEAD else "text"

    def _why(self, row: QueuedView) -> Cell:
        if row.place == _DEAD:
            return self.console.words("given up: somebody must decide"), "bad"
        colour = {"runs": "busy", "wire": "busy", "": "dim"}.get(row.why, "wait")
        return reason(row, self.console.state.clock(), self.console.words), colour

    async def fetch(self) -> list[QueuedView]:
        found = await self.console.api.ask(queue_calls.queue(_MOST))
        letters = [each for each in await self.console.api.ask(calls.dead_letters(_MOST)) if given_up(each)]
        self._counts = {"turns": found.turns, "deliveries": found.deliveries, "dead": len(letters)}
        self._disk = found.disk
        return [*found.queued, *map(_as_queued, letters)]

    def key(self, row: QueuedView) -> str:
        return row.id

    def facts(self, row: QueuedView) -> Iterable[tuple[str, str]]:
        words, now = self.console.words, self.console.state.clock()
        yield words("waits for"), self._why(row)[0]
        yield words("error"), row.error
        yield words("state"), words(row.state)
        yield words("user"), row.user
        yield words("bot"), f"{row.platform}/{row.bot}"
        yield words("text"), row.text
        yield words("came"), words("{time}, {ago} ago", time=clock(row.since), ago=age(now - row.since))
        yield words("attempts"), str(row.attempts or "-")
        if row.next_at:
            yield words("next try"), clock(row.next_at)
        yield words("session"), row.session

    # --- what is selected

    @property
    def turn(self) -> str:
        return self._rows.selected.id.partition("-")[0] if self._rows.selected else ""

    @property
    def delivery(self) -> str:
        found = self._rows.selected
        return found.id if found and found.place == "outbox" else ""

    @property
    def dead_letter(self) -> str:
        found = self._rows.selected
        return found.id if found and found.place == _DEAD else ""

    @property
    def dead_letters(self) -> Sequence[str]:
        return [self.dead_letter] if self.dead_letter else []

    def on_rows_opened(self) -> None:
        self.console.run_command("open")

    @property
    def copies(self) -> str:
        return self._rows.selected.id if self._rows.selected else ""


def _as_queued(letter: DeadLetter) -> QueuedView:
    return QueuedView(
        id=letter.id,
        place=_DEAD,
        state="dead",
        platform=letter.platform,
        bot=letter.bot,
        session=letter.session,
        user=letter.user,
        text=letter.text,
        attempts=letter.attempts,
        since=letter.created or letter.received,
        error=letter.error or letter.reason,
    )
