"""The inbox in SQLite: messages as they came in, and their turns while they are open."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from mindbot.domain import ids
from mindbot.domain.errors import StoreError
from mindbot.domain.message import Message
from mindbot.domain.ports.store import Kept
from mindbot.domain.turn import Turn
from mindbot.store import recovery
from mindbot.store.database import Database
from mindbot.store.grouped_reads import GroupRead
from mindbot.store.journal import Journal, Rows
from mindbot.store.rows import keep_row, message_of, put_row, storable, turn_name
from mindbot.store.unreadable import Unreadable

_MESSAGE = "SELECT message FROM turns WHERE id = ?"


class SqliteInbox:
    """See the port. Run `run` in a task group while it is used."""

    def __init__(self, database: Database, journal: Journal, unreadable: Unreadable) -> None:
        self._database = database
        self._journal = journal
        self._unreadable = unreadable
        self._messages = GroupRead(database, _MESSAGE)
        #: Turns up to this one were open when a process ended.
        self._recovered = 0

    async def run(self) -> None:
        """Serve until cancelled."""
        await self._messages.run()

    def storable(self, message: Message) -> Message:
        """See the port."""
        return storable(message)

    async def put(self, message: Message) -> tuple[Turn, bool]:
        """See the port."""
        number = ids.new_id()
        repeated = await self._journal.commit({"put": [put_row(number, message)]})
        if repeated and number in repeated:
            return Turn(repeated[number], message), True
        return Turn(number, message), False

    async def put_all(self, messages: Sequence[Message], kept: Sequence[Kept]) -> list[tuple[Turn, bool]]:
        """See the port."""
        turns = [Turn(ids.new_id(), message) for message in messages]
        rows: Rows = {}
        if turns:
            rows["put"] = [put_row(turn.number, turn.message) for turn in turns]
        if kept:
            rows["keep"] = [keep_row(each) for each in kept]
        repeated = await self._journal.commit(rows)
        return [
            (Turn(repeated[t.number], t.message), True) if repeated and t.number in repeated else (t, False)
            for t in turns
        ]

    async def recover(self, limit: int = -1) -> list[Turn]:
        """See the port."""
        self._recovered, remembered = await self._database.write_apart(recovery.begin)
        self._journal.remembered.update(remembered)
        return await self.queued_after(0, limit)

    async def queued_after(self, number: int, limit: int) -> list[Turn]:
        """See the port."""
        old = self._recovered
        while True:
            read = partial(recovery.open_turns, limit=limit, old=old, unreadable=self._unreadable)
            page = await self._database.read(partial(read, after=number))
            if page.lost:
                await self._database.write_apart(partial(recovery.bury_turns, lost=page.lost))
            if page.turns or not page.lost:
                return page.turns
            number = page.last

    async def unheard(self) -> list[Turn]:
        """See the port: their file was gone for a while (`StoreGone`) and is back.

        Raises:
            StoreError: the next call returns them.
        """
        wanted = set(self._journal.doubtful)
        if not wanted:
            return []
        found = [turn for turn in await self.queued_after(min(wanted) - 1, -1) if turn.number in wanted]
        self._journal.doubtful = [number for number in self._journal.doubtful if number not in wanted]
        return found

    async def message(self, turn: int) -> Message:
        """See the port. Reads for many turns at once share one trip."""
        rows = await self._messages.get([turn])
        if not rows:
            raise StoreError(f"{turn_name(turn)} is not on disk any more", hint="was the database replaced?")
        return self._unreadable.read(turn_name(turn), partial(message_of, rows[0][0]))

    async def turn_of(self, platform: str, bot: str, key: str) -> int | None:
        """See the port."""
        sql = "SELECT id FROM turns WHERE platform = ? AND bot = ? AND key = ?"
        row = await self._database.read(lambda db: db.execute(sql, (platform, bot, key)).fetchone())
        return row[0] if row else None
