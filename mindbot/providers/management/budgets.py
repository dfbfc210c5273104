"""Who may spend how much on models, and what was spent.

What an answer took is handed to the store before its end is handed on, and is on disk no later than the end
of its turn: a crash loses none of what was answered, and what is spent beyond a budget is bounded by the
calls under way when it ran out.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase

import anyio

from mindbot.config.spending import BudgetSettings, BudgetsSettings
from mindbot.domain.chat import Usage
from mindbot.domain.errors import BudgetSpent
from mindbot.domain.ports.store import SpendingStore
from mindbot.domain.spending import BILLION, DaySpent, Payer, Spender
from mindbot.domain.turn import Clock

_KEPT = 50_000  # sums in memory; the others are read again


class Ledger:
    """The sums of the running month: those that are asked for are read once and kept in memory, the others
    are the store's alone. Without a store all are in memory.
    """

    def __init__(self, store: SpendingStore | None = None, clock: Clock = time.time) -> None:
        self._store = store
        self._clock = clock
        self._lock = anyio.Lock()
        self._reading: tuple[Spender, str] | None = None
        self._sums: OrderedDict[tuple[Spender, str], dict[str, DaySpent]] = OrderedDict()

    @property
    def today(self) -> str:
        """The day that is counted on, by the machine's time zone."""
        return date.fromtimestamp(self._clock()).isoformat()

    async def count(self, spent: Sequence[DaySpent]) -> None:
        """Hand what was spent to the store and count it.

        This waits only for a sum that is being read: nobody could tell whether that has it already.

        Raises:
            StoreError: the store is closed, and nothing is counted.
        """
        while self._reading is not None and any((each.by, each.who) == self._reading for each in spent):
            async with self._lock:
                pass
        if self._store is not None:
            self._store.count(spent)
        for each in spent:
            days = self._sums.get((each.by, each.who))
            if days is None:
                if self._store is not None:
                    continue
                days = self._sums[each.by, each.who] = {}
            days[each.day] = days[each.day].plus(each) if each.day in days else each

    async def spent(self, by: Spender, who: str, every: str) -> DaySpent:
        """Return what somebody spent today, or (``month``) this month so far; raises StoreError."""
        days = await self._read(by, who)
        today = self.today
        first = f"{today[:8]}01" if every == "month" else today
        total = DaySpent(by, who, today)
        for day, each in days.items():
            if first <= day <= today:
                total = total.plus(each)
        return total

    async def _read(self, by: Spender, who: str) -> dict[str, DaySpent]:
        place = (by, who)
        if (days := self._sums.get(place)) is None:
            async with self._lock:
                if (days := self._sums.get(place)) is None:
                    days = self._sums[place] = await self._read_anew(by, who)
                    if len(self._sums) > _KEPT:
                        self._sums.popitem(last=False)
        return days

    async def _read_anew(self, by: Spender, who: str) -> dict[str, DaySpent]:
        if self._store is None:
            return {}
        self._reading = by, who
        try:
            await self._store.settled()
            read = await self._store.of(by, who, f"{self.today[:8]}01")
        finally:
            self._reading = None
        return {each.day: each for each in read}


@dataclass(frozen=True, slots=True)
class Used:
    """How much of one budget is used. ``share`` is 1 and more when it is spent."""

    budget: BudgetSettings
    who: str
    spent: DaySpent
    share: float

    @property
    def hard(self) -> bool:
        """Whether nothing is left."""
        return self.share >= 1

    @property
    def soft(self) -> bool:
        """Whether a cheaper model has to do."""
        return self.budget.soft is not None and self.share >= self.budget.soft

    def __str__(self) -> str:
        b = self.budget
        whose = "all" if b.per == "all" else f"{b.per} {self.who}"
        return f"{self.share:.0%} of the {b.every}'s budget of {whose}"


class Budgets:
    """The budgets of one configuration over the sums."""

    def __init__(self, settings: BudgetsSettings, ledger: Ledger) -> None:
        self._settings = settings
        self._ledger = ledger
        self._of_providers = [b for b in settings.limits if b.per == "provider"]
        self._of_payers = [b for b in settings.limits if b.per != "provider"]

    async def check(self, payer: Payer) -> Used | None:
        """Return the budget that asks for a cheaper model, if one does.

        Raises:
            BudgetSpent: nothing is left of one.
            StoreError: what was spent cannot be read.
        """
        soft = None
        for budget in self._of_payers:
            who = "" if budget.per == "all" else getattr(payer, budget.per)
            if budget.per != "all" and not (who and fnmatchcase(who, budget.who)):
                continue
            used = await self._used(budget, who)
            if used.hard:
                raise BudgetSpent(
                    str(used), hint="raise it under budgets.limits, or wait until it begins anew"
                )
            soft = soft or (used if used.soft else None)
        return soft

    async def spent_of(self, providers: Iterable[str]) -> dict[str, Used]:
        """Return the budgets of those of the providers that have nothing left. Raises StoreError."""
        if not self._of_providers:
            return {}
        used = {name: await self.of_provider(name) for name in providers}
        return {name: found for name, found in used.items() if found is not None and found.hard}

    async def of_provider(self, name: str) -> Used | None:
        """Return the budget of a provider that is most used; None where it has none. Raises StoreError."""
        its = [await self._used(b, name) for b in self._of_providers if fnmatchcase(name, b.who)]
        return max(its, key=lambda used: used.share, default=None)

    async def _used(self, budget: BudgetSettings, who: str) -> Used:
        spent = await self._ledger.spent(budget.per, who, budget.every)
        shares = [0.0]
        if budget.tokens:
            shares.append(spent.tokens / budget.tokens)
        if budget.money:
            shares.append(spent.money / (budget.money * BILLION))
        return Used(budget, who, spent, max(shares))


def bill(payer: Payer, provider: str, model: str, usage: Usage, money: int, day: str) -> list[DaySpent]:
    """Return what one answer adds to the sums of everybody it was for; ``provider`` is empty for a model that
    belongs to none."""
    who: list[tuple[Spender, str]] = [("all", "")]
    who += [("provider", provider), ("model", f"{provider}/{model}")] if provider else []
    who += [("user", payer.user), ("group", payer.group), ("bot", payer.bot), ("workflow", payer.workflow)]
    counts = (1, usage.input_tokens, usage.output_tokens, usage.cached_tokens, money)
    return [DaySpent(by, name, day, *counts) for by, name in who if name or by == "all"]
