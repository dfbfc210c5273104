"""What one bot keeps on disk: a ``mindbot.domain.host.Keep``."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from mindbot.domain import ids
from mindbot.domain.message import Json, Message
from mindbot.domain.ports.platform import Receipt
from mindbot.store.journal import Row, Rows
from mindbot.store.store import Store

#: Puts messages and rows in one transaction and queues the turns.
Intake = Callable[[Sequence[Message], Rows], Awaitable[list[Receipt]]]


class StoreKeep:
    """See the port."""

    def __init__(self, store: Store, intake: Intake, platform: str, bot: str) -> None:
        self._store = store
        self._intake = intake
        self._platform = platform
        self._bot = bot

    async def get(self, key: str) -> Json | None:
        """See the port."""
        found = await self._store.kept(self._platform, self._bot, key, key, 1)
        return found[0][1] if found else None

    async def lost(self, key: str) -> bool:
        """See the port."""
        return await self._store.lost(self._platform, self._bot, key)

    async def put(self, key: str, value: Json | None, *, ttl: float = 0.0) -> None:
        """See the port."""
        await self._store.journal.commit(self._rows({key: value}, ttl))

    async def items(self, prefix: str, *, limit: int = 1000) -> dict[str, Json]:
        """See the port."""
        return dict(await self._store.kept(self._platform, self._bot, prefix, prefix + "\U0010ffff", limit))

    async def receive(
        self,
        messages: Sequence[Message],
        values: Mapping[str, Json],
        *,
        ttl: float | Mapping[str, float] = 0.0,
    ) -> list[Receipt]:
        """See the port."""
        return await self._intake(messages, self._rows(values, ttl))

    async def turn_of(self, key: str) -> str:
        """See the port."""
        number = await self._store.turn_of(self._platform, self._bot, key)
        return ids.show(number) if number is not None else ""

    def _rows(self, values: Mapping[str, Json | None], ttl: float | Mapping[str, float]) -> Rows:
        lives = ttl if isinstance(ttl, Mapping) else dict.fromkeys(values, ttl)
        now = time.time()
        # What is removed is written as over, so that the last of several writes in a batch wins.
        rows: list[Row] = [
            [self._platform, self._bot, key, {}, 0]
            if value is None
            else [self._platform, self._bot, key, value, now + lives[key] if lives.get(key) else None]
            for key, value in values.items()
        ]
        return {"keep": rows} if rows else {}
