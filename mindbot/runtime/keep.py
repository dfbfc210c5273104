"""What one bot keeps on disk: a ``mindbot.domain.host.Keep``.

Keys are made of what platforms send: here, and nowhere else, they become what every store holds whole.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from mindbot.domain import ids
from mindbot.domain.message import Json, Message
from mindbot.domain.plain import marked, unmarked
from mindbot.domain.ports.platform import Receipt
from mindbot.domain.ports.store import Kept, Store
from mindbot.domain.shapes.turns import Plain

#: Puts messages and what a bot keeps on disk in one transaction, and queues the turns.
ReceiveAll = Callable[[Sequence[Message], Sequence[Kept]], Awaitable[list[Receipt]]]


class BotKeep:
    """See the port."""

    def __init__(self, store: Store, receive: ReceiveAll, platform: str, bot: str) -> None:
        self._keep = store.keep
        self._inbox = store.inbox
        self._receive = receive
        self._platform = platform
        self._bot = bot

    async def get(self, key: str) -> Json | None:
        """See the port."""
        return await self._keep.get(self._platform, self._bot, marked(key))

    async def lost(self, key: str) -> bool:
        """See the port."""
        return await self._keep.lost(self._platform, self._bot, marked(key))

    async def put(self, key: str, value: Plain | None, *, ttl: float = 0.0) -> None:
        """See the port."""
        await self._keep.write(self._kept({key: value}, ttl))

    async def items(self, prefix: str, *, limit: int = 1000) -> dict[str, Json]:
        """See the port."""
        found = await self._keep.items(self._platform, self._bot, marked(prefix), limit)
        return {unmarked(key): value for key, value in found.items()}

    async def receive(
        self,
        messages: Sequence[Message],
        values: Mapping[str, Plain],
        *,
        ttl: float | Mapping[str, float] = 0.0,
    ) -> list[Receipt]:
        """See the port."""
        return await self._receive(messages, self._kept(values, ttl))

    async def turn_of(self, key: str) -> str:
        """See the port."""
        number = await self._inbox.turn_of(self._platform, self._bot, marked(key))
        return ids.show(number) if number is not None else ""

    def _kept(self, values: Mapping[str, Plain | None], ttl: float | Mapping[str, float]) -> list[Kept]:
        lives = ttl if isinstance(ttl, Mapping) else dict.fromkeys(values, ttl)
        now = time.time()
        return [
            Kept(self._platform, self._bot, marked(key), {}, 0)
            if value is None
            else Kept(
                self._platform, self._bot, marked(key), value, now + lives[key] if lives.get(key) else None
            )
            for key, value in values.items()
        ]
