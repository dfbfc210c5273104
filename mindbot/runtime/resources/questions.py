"""The operators' reads of the store, opened at the first question."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from mindbot.runtime.dispatcher import Dispatcher
from mindbot.store.store import Store

if TYPE_CHECKING:
    from mindbot.store.queries import Queries


class Questions:
    """Lends the reads. SQLAlchemy's async side is imported at the first one, in a thread."""

    def __init__(self, store: Store, dispatcher: Dispatcher) -> None:
        self._store = store
        self._dispatcher = dispatcher
        self._queries: Queries | None = None

    async def queries(self) -> Queries:
        """Return them."""
        if self._queries is None:
            await anyio.to_thread.run_sync(partial(__import__, "mindbot.store.queries"))
            from mindbot.store.queries import Queries

            self._queries = self._queries or Queries(
                self._store.path, self._dispatcher.live, self._store.unreadable
            )
        return self._queries

    async def close(self) -> None:
        """Close what `queries` opened."""
        if self._queries is not None:
            await self._queries.close()
