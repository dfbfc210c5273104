"""What is asked for with each message is read once, and is what was written last."""

from __future__ import annotations

import anyio
import pytest

from mindbot.domain.errors import StoreError
from mindbot.domain.message import Json
from mindbot.testing.platforms import Inbox, MemoryKeep
from mindbot.workflows.recent import RecentKeep

pytestmark = pytest.mark.anyio


class SlowKeep(MemoryKeep):
    """Reads end when they may, with what was there when they began."""

    def __init__(self) -> None:
        super().__init__(Inbox())
        self.reads: list[str] = []
        self.ends = anyio.Event()
        self.ends.set()

    async def get(self, key: str) -> Json | None:
        self.reads.append(key)
        found = await super().get(key)
        await self.ends.wait()
        return found


async def test_a_value_is_read_once_and_known_as_it_was_written() -> None:
    keep = SlowKeep()
    recent = RecentKeep(keep, ("talk:",))
    assert [await recent.get("talk:a") for _ in range(3)] == [None] * 3
    assert keep.reads == ["talk:a"]
    await recent.put("talk:a", {"id": "1"})
    assert await recent.get("talk:a") == await keep.get("talk:a") == {"id": "1"}
    await recent.put("talk:a", None)
    assert await recent.get("talk:a") is None and "talk:a" not in keep.values
    assert keep.reads == ["talk:a", "talk:a"]


async def test_other_keys_are_read_each_time() -> None:
    keep = SlowKeep()
    recent = RecentKeep(keep, ("talk:",))
    assert [await recent.get("form:a") for _ in range(2)] == [None] * 2
    assert keep.reads == ["form:a"] * 2


async def test_what_the_disk_did_not_take_is_not_known() -> None:
    keep = SlowKeep()
    recent = RecentKeep(keep, ("talk:",))
    await recent.put("talk:a", {"id": "1"})
    keep.error = StoreError("the disk is full")
    with pytest.raises(StoreError):
        await recent.put("talk:a", {"id": "2"})
    assert await recent.get("talk:a") == {"id": "1"}


async def test_a_read_that_a_write_overtook_is_forgotten() -> None:
    keep = SlowKeep()
    recent = RecentKeep(keep, ("talk:",))
    keep.ends = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(recent.get, "talk:a")
        await anyio.wait_all_tasks_blocked()
        await recent.put("talk:a", {"id": "new"})
        keep.ends.set()
    assert await recent.get("talk:a") == {"id": "new"}


async def test_so_many_values_are_remembered_and_no_more() -> None:
    keep = SlowKeep()
    recent = RecentKeep(keep, ("talk:",))
    for number in range(10_001):
        await recent.get(f"talk:{number}")
    keep.reads.clear()
    await recent.get("talk:10000")
    assert keep.reads == []
    await recent.get("talk:0")
    assert keep.reads == ["talk:0"]
