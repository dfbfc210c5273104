"""The outbox in SQLite: deliveries until their end is known."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from functools import partial

from mindbot.domain import ids
from mindbot.domain.delivery import Delivery
from mindbot.domain.shapes.turns import Plain
from mindbot.store import changes, recovery
from mindbot.store.database import Database
from mindbot.store.journal import Journal
from mindbot.store.rows import DELIVERY, deliver_row, enqueue_row, read_delivery, readable
from mindbot.store.unreadable import Unreadable

_SENT = (
    f"SELECT {DELIVERY} FROM outbox WHERE turn >= ? AND platform = ? AND bot = ? AND state = 'sent' "
    "ORDER BY turn DESC, n DESC LIMIT ?"
)
_ONE = f"SELECT {DELIVERY} FROM outbox WHERE turn = ? AND n = ?"
_ALL = f"SELECT {DELIVERY} FROM outbox WHERE turn = ? ORDER BY n"
_FAILED = "json_valid(notes) AND notes ->> '$.failed' IS NOT NULL"  # said to have arrived, and refused later
_REVIVE = (
    "UPDATE outbox SET state = 'pending', attempts = 0, next_at = 0, error = NULL, ended = NULL, "
    f"created = iif({_FAILED}, ?, created), notes = iif({_FAILED}, json_remove(notes, '$.failed'), notes) "
    f"WHERE turn = ? AND n = ? AND state = 'dead' RETURNING {DELIVERY}"
)
_REFUSE = (
    "UPDATE outbox SET state = 'dead', error = ? WHERE turn = ? AND n = ? AND state = 'sent' "
    f"RETURNING {DELIVERY}"
)
_DISCARD = "UPDATE outbox SET state = 'discarded' WHERE turn = ? AND n = ? AND state = 'dead'"
_RESTORE = "UPDATE outbox SET state = 'dead' WHERE turn = ? AND n = ? AND state = 'discarded'"


class SqliteOutbox:
    """See the port."""

    def __init__(self, database: Database, journal: Journal, unreadable: Unreadable) -> None:
        self._database = database
        self._journal = journal
        self._unreadable = unreadable

    async def enqueue(self, deliveries: Sequence[Delivery]) -> None:
        """See the port."""
        await self._journal.commit({"enqueue": [enqueue_row(d) for d in deliveries]})

    async def mark(self, delivery: Delivery) -> None:
        """See the port."""
        await self._journal.commit({"deliver": [deliver_row(delivery)]})

    async def open_deliveries(
        self, after: tuple[int, int] = recovery.FIRST, limit: int = -1
    ) -> list[Delivery]:
        """See the port."""
        read = partial(recovery.open_deliveries, unreadable=self._unreadable, after=after, limit=limit)
        return await self._database.write_apart(read)

    async def open_streams(self) -> dict[int, Delivery]:
        """See the port."""
        return await self._database.write_apart(partial(recovery.open_streams, unreadable=self._unreadable))

    async def note(self, turn: int, n: int, fact: Plain) -> bool:
        """See the port."""
        return await self._database.write(partial(changes.note_delivery, turn=turn, n=n, fact=fact))

    async def refuse(self, turn: int, n: int, error: str) -> Delivery | None:
        """See the port."""
        args = (error, turn, n)
        row = await self._database.write(lambda db: db.execute(_REFUSE, args).fetchone())
        return read_delivery(row, self._unreadable) if row else None

    async def sent_since(self, ts: float, platform: str, bot: str, limit: int = 20_000) -> list[Delivery]:
        """See the port."""
        args = (ids.at(ts), platform, bot, limit)
        rows = await self._database.read(lambda db: db.execute(_SENT, args).fetchall())
        return readable(reversed(rows), self._unreadable)

    async def delivery(self, turn: int, n: int) -> Delivery | None:
        """See the port."""
        row = await self._database.read(lambda db: db.execute(_ONE, (turn, n)).fetchone())
        return read_delivery(row, self._unreadable) if row else None

    async def deliveries(self, turn: int) -> list[Delivery]:
        """See the port."""
        rows = await self._database.read(lambda db: db.execute(_ALL, (turn,)).fetchall())
        return readable(rows, self._unreadable)

    async def revive(self, turn: int, n: int) -> Delivery | None:
        """See the port."""

        def work(db: sqlite3.Connection) -> Delivery | None:
            row = db.execute(_REVIVE, (time.time(), turn, n)).fetchone()
            return read_delivery(row, self._unreadable) if row else None

        found = await self._database.write(work)
        if found is not None:
            found.revived = True
        return found

    async def discard(self, turn: int, n: int) -> bool:
        """See the port."""
        return await self._database.write(lambda db: db.execute(_DISCARD, (turn, n)).rowcount) == 1

    async def restore(self, turn: int, n: int) -> bool:
        """See the port."""
        return await self._database.write(lambda db: db.execute(_RESTORE, (turn, n)).rowcount) == 1
