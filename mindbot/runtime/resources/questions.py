"""The operators' reads of the store, opened at the first question."""

from __future__ import annotations

from mindbot.domain.ports.store import Queries, Store
from mindbot.runtime.dispatcher import Dispatcher


class Questions:
    """Lends the reads, which show the turns that run as they are in memory."""

    def __init__(self, store: Store, dispatcher: Dispatcher) -> None:
        self._store = store
        #: Returns a turn that is queued or under way as it is in memory, by its session and number.
        self.live = dispatcher.live
        #: Returns what a queued turn waits for, by its session and number.
        self.waits_for = dispatcher.waits_for

    async def queries(self) -> Queries:
        """Return them."""
        return await self._store.queries(self.live)
