"""What was spent on models, in memory."""

from __future__ import annotations

from collections.abc import Sequence

from mindbot.domain.spending import DaySpent, Spender
from mindbot.testing.stores.memory.parts import MemoryPart


class MemorySpending(MemoryPart):
    """See the port."""

    def count(self, spent: Sequence[DaySpent]) -> None:
        self._tables.owe(self._owner, spent)

    async def settled(self) -> None:
        await self._writing()

    async def of(self, by: Spender, who: str, first: str) -> list[DaySpent]:
        found = (await self._reading()).spending
        return [s for _, s in sorted(found.items()) if (s.by, s.who) == (by, who) and s.day >= first]

    async def since(self, first: str, by: Spender, limit: int = 1000) -> list[DaySpent]:
        found = (await self._reading()).spending
        return [s for _, s in sorted(found.items()) if s.by == by and s.day >= first][:limit]
