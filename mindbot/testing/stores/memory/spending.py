"""What was spent on models, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mindbot.domain.spending import DaySpent, Spender
from mindbot.testing.stores.memory.parts import MemoryPart


class MemorySpending(MemoryPart):
    """See the port."""

    async def add(self, spent: Sequence[DaySpent]) -> None:
        sums = (await self._writing()).spending
        for new in spent:
            place = new.day, new.by, new.who
            old = sums.get(place, DaySpent(new.by, new.who, new.day))
            sums[place] = replace(
                old,
                calls=old.calls + new.calls,
                input_tokens=old.input_tokens + new.input_tokens,
                output_tokens=old.output_tokens + new.output_tokens,
                cached_tokens=old.cached_tokens + new.cached_tokens,
                money=old.money + new.money,
            )

    async def of(self, by: Spender, who: str, first: str) -> list[DaySpent]:
        found = (await self._reading()).spending
        return [s for _, s in sorted(found.items()) if (s.by, s.who) == (by, who) and s.day >= first]

    async def since(self, first: str, by: Spender, limit: int = 1000) -> list[DaySpent]:
        found = (await self._reading()).spending
        return [s for _, s in sorted(found.items()) if s.by == by and s.day >= first][:limit]
