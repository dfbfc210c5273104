"""Turns in SQLite: their attempts, their ends, what is said of them later."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from mindbot.domain.delivery import Delivery
from mindbot.domain.host import TurnAnswer
from mindbot.domain.message import Json
from mindbot.domain.ports.store import Recorded
from mindbot.domain.shapes.turns import Plain
from mindbot.domain.trail import TRAIL
from mindbot.domain.turn import DONE_STATES, Turn
from mindbot.store import changes
from mindbot.store.database import Database
from mindbot.store.finder.finder import Finder
from mindbot.store.grouped_reads import GroupRead
from mindbot.store.history import SqliteHistory
from mindbot.store.journal import Journal, Rows
from mindbot.store.rows import ANSWER, enqueue_row, readable, record_of, settle_row
from mindbot.store.traces import capped
from mindbot.store.unreadable import Unreadable

#: What is put behind the reason of a turn that was discarded tells it from those that were dropped.
_DISCARD = (
    "UPDATE turns SET state = 'dropped', reason = coalesce(reason, '') || '; discarded' "
    "WHERE id = ? AND state = 'dead'"
)
_RESTORE = (
    "UPDATE turns SET state = 'dead', reason = substr(reason, 1, length(reason) - length('; discarded')) "
    "WHERE id = ? AND state = 'dropped' AND reason LIKE '%; discarded'"
)


class SqliteTurns:
    """See the port. Run `run` in a task group while it is used."""

    def __init__(
        self,
        database: Database,
        journal: Journal,
        history: SqliteHistory,
        finder: Finder,
        unreadable: Unreadable,
    ) -> None:
        self._database = database
        self._journal = journal
        self._history = history
        self._finder = finder
        self._unreadable = unreadable
        self._answers = GroupRead(database, ANSWER)

    async def run(self) -> None:
        """Serve until cancelled."""
        await self._answers.run()

    async def begin(self, turn: Turn) -> None:
        """See the port."""
        await self._journal.commit({"begin": [[turn.number, turn.attempt]]})

    async def excuse(self, turns: Sequence[Turn]) -> None:
        """See the port."""
        await self._journal.commit({"begin": [[turn.number, turn.attempt - 1] for turn in turns]})

    async def finish(self, turn: Turn, deliveries: Sequence[Delivery]) -> None:
        """See the port."""
        journal, ended = self._journal, [turn, *turn.together]
        rows: Rows = {
            "finish": [
                [t.number, t.state, t.finished, t.reason or None, record_of(t, capped(t.spans))]
                for t in ended
            ]
        }
        fresh = [d for d in deliveries if d.kind == "message"]
        if fresh:
            rows["enqueue"] = [enqueue_row(d) for d in fresh]
        if len(fresh) < len(deliveries):
            rows["settle"] = [settle_row(d) for d in deliveries if d.kind == "stream"]
        for t in ended:
            journal.forget(t.number)
            if t.number in journal.remembered:
                rows.setdefault("forget", []).append(t.number)  # type: ignore[arg-type]
        await journal.commit(rows)
        journal.remembered.difference_update(t.number for t in ended)
        self._history.ended(turn)

    async def once(self, turn: Turn, key: str, step: Callable[[], Awaitable[Recorded]]) -> Recorded:
        """See the port."""
        if key in turn.memo:
            known: Recorded = turn.memo[key]
            return known
        result = await step()
        turn.memo[key] = result
        self._journal.remember(turn.number, [turn.number, key, result])
        return result

    def trail(self, turn: Turn, trail: Json) -> None:
        """See the port."""
        self._journal.remember(turn.number, [turn.number, TRAIL, trail])

    async def answer(self, turn: int) -> TurnAnswer | None:
        """See the port. Reads for many turns at once share one trip."""
        rows = await self._answers.get([turn])
        if not rows:
            return None
        said = readable((row[1:] for row in rows if row[1] is not None), self._unreadable)
        return TurnAnswer(rows[0][0] in DONE_STATES, tuple(said))

    async def note(self, turn: int, fact: Plain) -> bool:
        """See the port."""
        return await self._database.write(partial(changes.note_turn, turn=turn, fact=fact))

    async def requeue(self, turn: int) -> Turn | None:
        """See the port."""
        change = partial(changes.requeue, turn=turn, unreadable=self._unreadable)
        async with self._finder.changing(turn):
            again = await self._database.write(change)
        if again is not None:
            self._journal.remembered.add(turn)
        return again

    async def discard(self, turn: int) -> bool:
        """See the port."""
        async with self._finder.changing(turn):
            return await self._database.write(lambda db: db.execute(_DISCARD, (turn,)).rowcount) == 1

    async def restore(self, turn: int) -> bool:
        """See the port."""
        async with self._finder.changing(turn):
            return await self._database.write(lambda db: db.execute(_RESTORE, (turn,)).rowcount) == 1
