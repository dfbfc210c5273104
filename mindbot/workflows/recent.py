"""What is kept on disk and asked for with each message, remembered: which conversation, which replica."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence

from mindbot.domain.host import Keep
from mindbot.domain.message import Json, Message
from mindbot.domain.ports.platform import Receipt
from mindbot.domain.shapes.turns import Plain

_MOST = 10_000  # values


class RecentKeep:
    """A `Keep` through which all that is kept under its keys goes. Values under keys that begin with one of
    ``prefixes`` are read once; they are not to be changed by who gets them."""

    def __init__(self, keep: Keep, prefixes: tuple[str, ...]) -> None:
        self._keep = keep
        self._prefixes = prefixes
        self._known: OrderedDict[str, Json | None] = OrderedDict()
        self._writes = 0  # begun and ended: what was read meanwhile may be older than it

    async def get(self, key: str) -> Json | None:
        """See the port."""
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key]
        before = self._writes
        value = await self._keep.get(key)
        if key.startswith(self._prefixes) and before == self._writes:
            self._remember(key, value)
        return value

    async def lost(self, key: str) -> bool:
        """See the port."""
        return await self._keep.lost(key)

    async def put(self, key: str, value: Plain | None, *, ttl: float = 0.0) -> None:
        """See the port."""
        if not key.startswith(self._prefixes):
            await self._keep.put(key, value, ttl=ttl)
            return
        self._forget(key)
        try:
            await self._keep.put(key, value, ttl=ttl)
        finally:
            self._forget(key)
        self._remember(key, None if value is None else dict(value))

    async def items(self, prefix: str, *, limit: int = 1000) -> dict[str, Json]:
        """See the port."""
        return await self._keep.items(prefix, limit=limit)

    async def receive(
        self,
        messages: Sequence[Message],
        values: Mapping[str, Plain],
        *,
        ttl: float | Mapping[str, float] = 0.0,
    ) -> list[Receipt]:
        """See the port."""
        try:
            return await self._keep.receive(messages, values, ttl=ttl)
        finally:
            for key in values:
                self._forget(key)

    async def turn_of(self, key: str) -> str:
        """See the port."""
        return await self._keep.turn_of(key)

    def _remember(self, key: str, value: Json | None) -> None:
        self._known[key] = value
        if len(self._known) > _MOST:
            self._known.popitem(last=False)

    def _forget(self, key: str) -> None:
        self._writes += 1
        self._known.pop(key, None)
