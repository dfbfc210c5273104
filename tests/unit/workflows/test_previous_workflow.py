"""Who answered last in a session: remembered for a while, also over a restart, without a write each time."""

from __future__ import annotations

import pytest

from mindbot.testing.platforms import Inbox, MemoryKeep
from mindbot.workflows.router.previous import Previous

pytestmark = pytest.mark.anyio


async def test_who_answered_last_is_known_for_a_while_and_after_a_restart() -> None:
    keep, now = MemoryKeep(Inbox()), 1000.0
    previous = Previous(keep, 600, lambda: now)
    assert await previous.of("s") is None
    await previous.answered("s", "code")
    again = Previous(keep, 600, lambda: now)
    for known in (previous, again):
        found = await known.of("s")
        assert found is not None and (found.workflow, found.ts) == ("code", 1000.0)
    now = 1601.0
    assert await again.of("s") is None


async def test_a_session_that_goes_on_is_written_now_and_then() -> None:
    keep, now = MemoryKeep(Inbox()), 1000.0
    previous = Previous(keep, 600, lambda: now)
    written = []
    for moment in (1000.0, 1050.0, 1100.0, 1200.0):
        now = moment
        await previous.answered("s", "code")
        written.append(keep.values["previous:s"]["ts"])
    assert written == [1000.0, 1000.0, 1000.0, 1200.0]
    await previous.answered("s", "data")
    assert keep.values["previous:s"]["workflow"] == "data"


async def test_nothing_is_remembered_where_nothing_is_sticky() -> None:
    keep = MemoryKeep(Inbox())
    previous = Previous(keep, 0, lambda: 1000.0)
    await previous.answered("s", "code")
    assert await previous.of("s") is None
    assert not keep.values
