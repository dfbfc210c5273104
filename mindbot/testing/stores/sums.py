"""The contract of stores: sums of what was spent lose nothing and count nothing twice."""

from __future__ import annotations

import pytest

from mindbot.domain.errors import StoreError
from mindbot.domain.ports.store import Kept
from mindbot.domain.spending import DaySpent
from mindbot.testing.stores.rig import StoreRig


class SumsContract:
    """See `mindbot.testing.stores.contract`."""

    async def test_what_is_spent_adds_up_also_over_a_restart(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            lin = DaySpent("user", "console/lin", "2999-11-30", 1, 100, 10, 5, 7)
            store.spending.count([lin, lin])
            for n in range(20):
                store.spending.count([lin])
                if n % 5 == 0:
                    await store.spending.settled()
        async with rig.open() as store:
            store.spending.count([lin])
            await store.spending.settled()
            assert await store.spending.of("user", "console/lin", "2999-11-01") == [
                DaySpent("user", "console/lin", "2999-11-30", 23, 2300, 230, 115, 161)
            ]

    async def test_what_is_spent_is_on_disk_with_whatever_is_written_after_it(self, rig: StoreRig) -> None:
        lin = DaySpent("user", "console/lin", "2999-11-30", 1, 100, 10, 5, 7)
        async with rig.open() as store:
            for n in range(1, 4):
                store.spending.count([lin])
                await store.keep.write([Kept("console", "default", "turn", {"n": n})])
                (found,) = await store.spending.of("user", "console/lin", "")
                assert found.calls == n

    async def test_what_is_spent_last_is_there_after_the_store_was_closed(self, rig: StoreRig) -> None:
        lin = DaySpent("user", "console/lin", "2999-11-30", 1)
        async with rig.open() as store:
            store.spending.count([lin])
        with pytest.raises(StoreError, match="closed"):
            store.spending.count([lin])
        async with rig.open() as again:
            assert await again.spending.of("user", "console/lin", "") == [lin]

    async def test_what_was_spent_is_found_by_its_kind_its_name_and_its_day(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            days = [DaySpent("bot", "b", f"2999-01-0{n}", calls=n) for n in (1, 2, 3)]
            others = [
                DaySpent("user", "b", "2999-01-03", calls=9),
                DaySpent("bot", "a", "2999-01-03", calls=4),
            ]
            store.spending.count([*reversed(days), *others])
            store.spending.count([])
            await store.spending.settled()
            assert await store.spending.of("bot", "b", "2999-01-02") == days[1:]
            newest_first = [others[1], days[2], days[1]]
            assert await store.spending.since("2999-01-02", "bot") == newest_first
            assert await store.spending.since("2999-01-02", "bot", 1) == newest_first[:1]
            for n, last in enumerate(newest_first, 1):
                left = await store.spending.since("2999-01-02", "bot", after=(last.day, last.who))
                assert left == newest_first[n:]
            assert await store.spending.of("group", "b", "") == []

    async def test_what_was_spent_long_ago_goes(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            new = DaySpent("all", "", "2999-01-01", calls=1)
            store.spending.count([DaySpent("all", "", f"2020-01-0{n}", calls=1) for n in (1, 2, 3)])
            store.spending.count([new])
            await store.spending.settled()
            assert await store.purge_kept(2) == 2
            assert await store.purge_kept(2) == 1
            assert await store.spending.since("", "all") == [new]
