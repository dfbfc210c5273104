"""What was spent on models, in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mindbot.domain.ports.store import NEWEST
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

    async def since(
        self, first: str, by: Spender, limit: int = 1000, after: tuple[str, str] = NEWEST
    ) -> list[DaySpent]:
        return page_of((await self._reading()).spending.values(), first, by, limit, after)


def page_of(
    spent: Iterable[DaySpent], first: str, by: Spender, limit: int, after: tuple[str, str]
) -> list[DaySpent]:
    """Return what `SpendingStore.since` returns of these."""
    day, who = after
    those = [s for s in spent if s.by == by and first <= s.day <= day and (s.day < day or s.who > who)]
    by_name = sorted(those, key=lambda s: s.who)
    return sorted(by_name, key=lambda s: s.day, reverse=True)[:limit]
