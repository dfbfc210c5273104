"""What was spent on models, in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from mindbot.domain.ports.store import NEWEST
from mindbot.domain.spending import DaySpent, Spender
from mindbot.store.database import Database
from mindbot.store.journal import Journal

_COLUMNS = '"by", who, day, calls, input_tokens, output_tokens, cached_tokens, money'
_OF = f'SELECT {_COLUMNS} FROM spending WHERE "by" = ? AND who = ? AND day >= ? ORDER BY day'
_SINCE = f"""
    SELECT {_COLUMNS} FROM spending WHERE "by" = ? AND day >= ? AND (day < ? OR (day = ? AND who > ?))
    ORDER BY day DESC, who LIMIT ?"""


class SqliteSpending:
    """See the port."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal

    def count(self, spent: Sequence[DaySpent]) -> None:
        """See the port."""
        self._journal.spend(map(list, spent))

    async def settled(self) -> None:
        """See the port."""
        await self._journal.settled()

    async def of(self, by: Spender, who: str, first: str) -> list[DaySpent]:
        """See the port."""
        return await self._read(_OF, (by, who, first))

    async def since(
        self, first: str, by: Spender, limit: int = 1000, after: tuple[str, str] = NEWEST
    ) -> list[DaySpent]:
        """See the port."""
        day, who = after
        return await self._read(_SINCE, (by, first, day, day, who, limit))

    async def _read(self, sql: str, values: tuple[Any, ...]) -> list[DaySpent]:
        rows = await self._database.read(lambda db: db.execute(sql, values).fetchall())
        return [DaySpent(*row) for row in rows]


def purge(db: sqlite3.Connection, before: str, limit: int) -> int:
    """Delete what was spent before a day, ``limit`` rows at most; returns how many."""
    return db.execute(
        'DELETE FROM spending WHERE ("by", who, day) IN '
        '(SELECT "by", who, day FROM spending WHERE day < ? LIMIT ?)',
        (before, limit),
    ).rowcount
