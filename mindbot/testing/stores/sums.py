"""The contract of stores: sums of what was spent lose nothing and count nothing twice."""

from __future__ import annotations

import anyio

from mindbot.domain.spending import DaySpent
from mindbot.testing.stores.rig import StoreRig


class SumsContract:
    """See `mindbot.testing.stores.contract`."""

    async def test_what_is_spent_adds_up_also_over_a_restart(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            lin = DaySpent("user", "console/lin", "2999-11-30", 1, 100, 10, 5, 7)
            await store.spending.add([lin, lin])
            async with anyio.create_task_group() as tasks:
                for _ in range(20):
                    tasks.start_soon(store.spending.add, [lin])
        async with rig.open() as store:
            await store.spending.add([lin])
            assert await store.spending.of("user", "console/lin", "2999-11-01") == [
                DaySpent("user", "console/lin", "2999-11-30", 23, 2300, 230, 115, 161)
            ]

    async def test_what_was_spent_is_found_by_its_kind_its_name_and_its_day(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            days = [DaySpent("bot", "b", f"2999-01-0{n}", calls=n) for n in (1, 2, 3)]
            others = [
                DaySpent("user", "b", "2999-01-03", calls=9),
                DaySpent("bot", "a", "2999-01-03", calls=4),
            ]
            await store.spending.add([*reversed(days), *others])
            await store.spending.add([])
            assert await store.spending.of("bot", "b", "2999-01-02") == days[1:]
            assert await store.spending.since("2999-01-02", "bot") == [days[1], others[1], days[2]]
            assert await store.spending.since("2999-01-02", "bot", 1) == days[1:2]
            assert await store.spending.of("group", "b", "") == []

    async def test_what_was_spent_long_ago_goes(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            new = DaySpent("all", "", "2999-01-01", calls=1)
            await store.spending.add([DaySpent("all", "", f"2020-01-0{n}", calls=1) for n in (1, 2, 3)])
            await store.spending.add([new])
            assert await store.purge_kept(2) == 2
            assert await store.purge_kept(2) == 1
            assert await store.spending.since("", "all") == [new]
