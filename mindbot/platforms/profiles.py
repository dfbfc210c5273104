"""What a platform says of its people, kept on disk for a while.

In front of it stands `mindbot.pipeline.directory`, in memory: it asks once for many who want to know the
same, and leaves a directory alone that is down. This one outlives restarts, after which everybody would be
asked for anew, and platforms count that.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

from mindbot.domain.host import Keep
from mindbot.domain.shapes.turns import PersonJson


class Profiles:
    """Facts of one bot's people, by key, for ``ttl`` seconds."""

    def __init__(self, keep: Keep, ttl: float) -> None:
        self._keep = keep
        self._ttl = ttl

    async def find(self, key: str, ask: Callable[[], Awaitable[PersonJson | None]]) -> PersonJson:
        """Return what is kept, or else what ``ask`` answers; that is kept, unless it is None: then there is
        nothing that would stay true.

        Raises:
            StoreError: it cannot be read or kept.
            VendorError: what ``ask`` raises.
        """
        if (kept := await self._keep.get(key)) is not None:
            return cast("PersonJson", kept)
        known = await ask()
        if known is None:
            return {}
        await self._keep.put(key, known, ttl=self._ttl)
        return known
