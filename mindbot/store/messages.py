"""Messages of turns, read again from disk."""

from __future__ import annotations

from functools import partial

from mindbot.domain.errors import StoreError
from mindbot.domain.message import Message
from mindbot.store.database import Database
from mindbot.store.reads import GroupRead
from mindbot.store.rows import message_of, turn_name
from mindbot.store.unreadable import Unreadable

_MESSAGE = "SELECT message FROM turns WHERE id = ?"


class Messages:
    """Reads for many turns at once share one trip. Run `run` in a task group while it is used."""

    def __init__(self, database: Database, unreadable: Unreadable) -> None:
        self._rows = GroupRead(database, _MESSAGE)
        self._unreadable = unreadable

    async def run(self) -> None:
        """Serve until cancelled."""
        await self._rows.run()

    async def of(self, turn: int) -> Message:
        """Return a turn's message as it came; raises StoreError, StoreUnreadable for a damaged row."""
        rows = await self._rows.get([turn])
        if not rows:
            raise StoreError(f"{turn_name(turn)} is not on disk any more", hint="was the database replaced?")
        return self._unreadable.read(turn_name(turn), partial(message_of, rows[0][0]))
