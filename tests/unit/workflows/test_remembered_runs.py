"""What a turn remembers of its runs is there for the next process, over the store that the daemon has."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import anyio
import pytest

from mindbot.domain.ports.store import Store
from mindbot.domain.turn import Turn
from mindbot.store.sqlite import SqliteStore
from mindbot.testing.platforms import Inbox, MemoryKeep
from mindbot.testing.stores.rig import a_message
from mindbot.testing.waiting import PATIENCE
from mindbot.workflows.apps import AppParts
from mindbot.workflows.remembered import RememberedRun

pytestmark = pytest.mark.anyio


class _Nothing:
    """What apps ask, and a memory of runs does not."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


async def _nowhere(id: str) -> Path:
    raise AssertionError(id)


def _run(store: Store, keep: MemoryKeep, turn: Turn) -> RememberedRun:
    nothing: Any = _Nothing()
    parts = AppParts(nothing, nothing, keep, store.turns.once, _nowhere, time.time)
    return RememberedRun(parts, turn, "run:here")


async def _second_runs(path: Path, keep: MemoryKeep) -> None:
    """A process whose first start failed and whose second runs goes away."""
    async with SqliteStore.open(path) as store:
        turn, _ = await store.inbox.put(a_message())
        run = _run(store, keep, turn)
        await run.load()
        await run.start("", "app")
        await run.know({"message_id": "first"})
        await run.over("internal_server_error")
        await run.start("talk", "app")
        await run.know({"message_id": "second"})


async def test_a_second_start_is_taken_up_by_the_next_process(tmp_path: Path) -> None:
    keep = MemoryKeep(Inbox())
    with anyio.fail_after(PATIENCE):
        await _second_runs(tmp_path / "mindbot.db", keep)
        async with SqliteStore.open(tmp_path / "mindbot.db") as store:
            (turn,) = await store.inbox.recover()
            run = _run(store, keep, turn)
            await run.load()
            assert (run.number, run.conversation, run.ids) == (2, "talk", {"message_id": "second"})


async def test_a_later_start_on_disk_counts_where_the_memo_had_no_time(tmp_path: Path) -> None:
    keep = MemoryKeep(Inbox())
    with anyio.fail_after(PATIENCE):
        await _second_runs(tmp_path / "mindbot.db", keep)
        async with SqliteStore.open(tmp_path / "mindbot.db") as store:
            (turn,) = await store.inbox.recover()
            del turn.memo["run:here:1:over"], turn.memo["run:here:2:started"], turn.memo["run:here:2:ids"]
            run = _run(store, keep, turn)
            await run.load()
            assert (run.number, run.ids) == (2, {"message_id": "second"})
