"""The store keeps what it said it kept, whatever happens to the disk or the process."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from mindbot.domain.errors import StoreBusy, StoreCorrupt, StoreError, StoreFull
from mindbot.domain.spending import DaySpent
from mindbot.domain.turn import Turn
from mindbot.store.rows import partition_of
from mindbot.store.sqlite import SqliteStore
from mindbot.testing.stores.rig import a_message, answered
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def a_store(folder: Path, **options: Any) -> AsyncIterator[SqliteStore]:
    async with SqliteStore.open(folder / "mindbot.db", **options) as store:
        yield store


async def test_one_bad_turn_does_not_fail_its_neighbours(tmp_path: Path) -> None:
    states: list[StoreError | None] = []
    async with a_store(tmp_path, on_state=states.append) as store:
        good, _ = await store.inbox.put(a_message("good"))
        bad, _ = await store.inbox.put(a_message("bad"))
        bad.vars["x"] = object()
        failures: list[StoreError] = []

        async def finish(turn: Turn) -> None:
            try:
                await store.turns.finish(answered(turn, "x"), [])
            except StoreError as error:
                failures.append(error)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(finish, bad)
            tasks.start_soon(finish, good)
        assert len(failures) == 1
        assert not states, "the store itself is well"
        assert [t.number for t in await store.inbox.recover()] == [bad.number]


async def test_sums_are_kept_while_the_disk_is_full(tmp_path: Path) -> None:
    states: list[StoreError | None] = []
    lin = DaySpent("user", "console/lin", "2999-11-30", 1, 2, 3, 4, 5)
    async with a_store(tmp_path, on_state=states.append) as store:
        await store._database.write_pragma("PRAGMA max_page_count=1")
        store.spending.count([lin])
        with pytest.raises(StoreFull):
            await store.inbox.put(a_message("during", "x" * 100_000))
        store.spending.count([lin])
        with pytest.raises(StoreFull):
            await store.inbox.put(a_message("during", "x" * 100_000))
        assert isinstance(states[-1], StoreFull)
        await store._database.write_pragma("PRAGMA max_page_count=1000000")
        await store.spending.settled()
        assert states[-1] is None
        assert await store.spending.of("user", "console/lin", "") == [lin.plus(lin)]


async def test_sums_and_rows_that_cannot_be_written_do_not_fail_each_other(tmp_path: Path) -> None:
    lin = DaySpent("user", "console/lin", "2999-11-30", 1)
    async with a_store(tmp_path) as store:
        bad, _ = await store.inbox.put(a_message("bad"))
        bad.vars["x"] = object()
        store.spending.count([lin])
        with pytest.raises(StoreError, match="JSON"):
            await store.turns.finish(answered(bad, "x"), [])
        store.spending.count([DaySpent("user", "mei", "2999-11-30", money=2**80)])
        await store.inbox.put(a_message("good"))
        assert await store.spending.of("user", "console/lin", "") == [lin]
        assert await store.spending.of("user", "mei", "") == []


async def test_a_sum_that_cannot_be_written_costs_nobody_elses(tmp_path: Path) -> None:
    good = [DaySpent("user", name, "2999-11-30", 1) for name in ("lin", "mei")]
    async with a_store(tmp_path) as store:
        store.spending.count([good[0], DaySpent("user", "odd", "2999-11-30", money=2**80), good[1]])
        await store.inbox.put(a_message("good"))
        assert await store.spending.since("", "user") == good
        store.spending.count([good[0], DaySpent("user", "odd", "2999-11-30", money=2**80)])
        with anyio.fail_after(PATIENCE):  # alone, too
            while (await store.spending.of("user", "lin", ""))[0].calls != 2:
                await anyio.sleep(0.005)


async def test_sums_are_written_without_anything_after_them(tmp_path: Path) -> None:
    lin = DaySpent("user", "console/lin", "2999-11-30", 1)
    async with a_store(tmp_path) as store:
        store.spending.count([lin])
        with anyio.fail_after(PATIENCE):
            while await store.spending.of("user", "console/lin", "") != [lin]:
                await anyio.sleep(0.005)


async def test_a_step_marked_once_is_not_run_again_after_a_crash(tmp_path: Path) -> None:
    calls = []

    async def step() -> dict[str, Any]:
        calls.append(1)
        return {"n": len(calls)}

    async with a_store(tmp_path) as store:
        turn, _ = await store.inbox.put(a_message())
        assert await store.turns.once(turn, "model", step) == {"n": 1}
        await store.inbox.put(a_message("another"))  # the memo row went out with this batch or an earlier one
    async with a_store(tmp_path) as store:
        again = next(t for t in await store.inbox.recover() if t.number == turn.number)
        assert await store.turns.once(again, "model", step) == {"n": 1}
        assert len(calls) == 1
        await store.turns.finish(answered(again, "x"), [])
    with sqlite3.connect(tmp_path / "mindbot.db") as db:
        assert db.execute("SELECT count(*) FROM memo").fetchone() == (0,)


async def test_a_full_disk_is_said_and_ends_when_space_returns(tmp_path: Path) -> None:
    states: list[StoreError | None] = []
    async with a_store(tmp_path, on_state=states.append) as store:
        kept, _ = await store.inbox.put(a_message("before"))
        await store._database.write_pragma("PRAGMA max_page_count=1")
        with pytest.raises(StoreFull, match="no space left"):
            await store.inbox.put(a_message("during", "x" * 100_000))
        with pytest.raises(StoreFull):
            await store.probe()
        await store._database.write_pragma("PRAGMA max_page_count=1000000")
        await store.probe()
        await store.inbox.put(a_message("after"))
        assert [type(s) for s in states] == [StoreFull, type(None)]
        assert [t.message.key for t in await store.inbox.recover()] == ["before", "after"]
        assert kept


async def test_a_locked_database_is_named(tmp_path: Path) -> None:
    async with a_store(tmp_path, pragmas=("PRAGMA busy_timeout=20",)) as store:
        other = sqlite3.connect(tmp_path / "mindbot.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy, match="locked by another process"):
            await store.inbox.put(a_message())
        other.execute("ROLLBACK")
        other.close()
        await store.inbox.put(a_message())


async def test_a_damaged_database_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "mindbot.db").write_bytes(b"this is not a database, it only has its name" * 100)
    with pytest.raises(StoreCorrupt, match="mindbot db check"):
        async with a_store(tmp_path):
            pass


async def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    async with a_store(tmp_path):
        pass
    with sqlite3.connect(tmp_path / "mindbot.db") as db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="schema 9999"):
        async with a_store(tmp_path):
            pass


async def test_what_was_noted_of_a_turn_while_it_ran_stays_at_its_end(tmp_path: Path) -> None:
    async with SqliteStore.open(tmp_path / "mindbot.db") as store:
        turn, _ = await store.inbox.put(a_message("noted"))
        assert await store.turns.note(turn.number, {"recalled": 1.0})
        turn.state, turn.finished = "answered", time.time()
        turn.reply.say("words")
        await store.turns.finish(turn, [])
        assert await store.turns.note(turn.number, {"failed": "late"})
        sql = "SELECT record FROM turns"
        record = json.loads((await store._database.read(lambda db: db.execute(sql).fetchone()))[0])
        assert record["notes"] == [{"recalled": 1.0}, {"failed": "late"}] and record["reply"]


def test_partitions_are_stable_and_spread() -> None:
    assert partition_of("wecom:default:lin") == partition_of("wecom:default:lin")
    assert len({partition_of(f"s{i}") for i in range(5000)}) == 256


async def test_an_end_that_could_not_be_written_still_forgets_the_memo_later(tmp_path: Path) -> None:
    async def step() -> dict[str, Any]:
        return {}

    async with a_store(tmp_path) as store:
        turn, _ = await store.inbox.put(a_message())
        await store.turns.once(turn, "model", step)
        await store.inbox.put(a_message("another"))
        turn.vars["x"] = object()
        with pytest.raises(StoreError):
            await store.turns.finish(answered(turn, "x"), [])
        turn.vars.clear()
        await store.turns.finish(turn, [])
    with sqlite3.connect(tmp_path / "mindbot.db") as db:
        assert db.execute("SELECT count(*) FROM memo").fetchone() == (0,)


async def test_what_a_stall_of_the_disk_has_gathered_is_written_in_several_batches(tmp_path: Path) -> None:
    async with a_store(tmp_path, rows=10) as store:
        found: list[bool] = []

        async def put(n: int) -> None:
            _, duplicate = await store.inbox.put(a_message(f"m{n}", text=f"界 {n}"))
            found.append(duplicate)

        async with anyio.create_task_group() as tasks:
            for n in range(95):
                tasks.start_soon(put, n)
        assert found == [False] * 95
        assert store.batches >= 10
    async with a_store(tmp_path) as store:
        assert [turn.message.text for turn in await store.inbox.recover()] == [f"界 {n}" for n in range(95)]
