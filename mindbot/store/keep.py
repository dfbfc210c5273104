"""What bots keep, in SQLite."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from mindbot.domain.errors import StoreUnreadable
from mindbot.domain.message import Json
from mindbot.domain.ports.store import Kept
from mindbot.store import changes
from mindbot.store.database import Database
from mindbot.store.journal import Journal
from mindbot.store.rows import json_of, keep_row
from mindbot.store.unreadable import Unreadable

_LAST = "\U0010ffff"  # sorts behind what any key goes on with
_VALUES = (
    "SELECT key, value FROM keep WHERE platform = ? AND bot = ? AND key BETWEEN ? AND ? "
    "AND (ends IS NULL OR ends > ?) ORDER BY key LIMIT ?"
)


class SqliteKeep:
    """See the port."""

    def __init__(self, database: Database, journal: Journal, unreadable: Unreadable) -> None:
        self._database = database
        self._journal = journal
        self._unreadable = unreadable

    async def write(self, values: Sequence[Kept]) -> None:
        """See the port."""
        if values:
            await self._journal.commit({"keep": [keep_row(each) for each in values]})

    async def get(self, platform: str, bot: str, key: str) -> Json | None:
        """See the port."""
        return (await self._between(platform, bot, key, key, 1)).get(key)

    async def items(self, platform: str, bot: str, prefix: str, limit: int) -> dict[str, Json]:
        """See the port."""
        return await self._between(platform, bot, prefix, prefix + _LAST, limit)

    async def _between(self, platform: str, bot: str, first: str, last: str, limit: int) -> dict[str, Json]:
        args = (platform, bot, first, last, time.time(), limit)
        rows = await self._database.read(lambda db: db.execute(_VALUES, args).fetchall())
        found: dict[str, Json] = {}
        for key, value in rows:
            what = f"what {platform}/{bot} keeps as {key!r}"
            with suppress(StoreUnreadable):
                found[key] = self._unreadable.read(what, partial(json_of, value, dict))
                continue
            aside = partial(changes.put_aside, platform=platform, bot=bot, key=key)
            await self._database.write(aside)
        return found

    async def lost(self, platform: str, bot: str, key: str) -> bool:
        """See the port."""
        return await self._database.read(partial(changes.is_aside, platform=platform, bot=bot, key=key))
