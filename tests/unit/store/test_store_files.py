"""A database whose files went away under it acknowledges nothing, and goes on when they are back."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from mindbot.domain.errors import StoreError, StoreGone
from mindbot.domain.message import Message, text_part
from mindbot.store.queries import SqliteQueries
from mindbot.store.sqlite import SqliteStore

pytestmark = pytest.mark.anyio


def a_message(key: str) -> Message:
    session = "console:default:mei"
    now = time.time()
    return Message("console", "default", key, session, "mei", "text", (text_part(key),), {}, received=now)


@pytest.mark.parametrize("ending", ["", "-wal", "-shm"])
async def test_what_goes_into_a_file_that_is_gone_is_not_acknowledged(tmp_path: Path, ending: str) -> None:
    states: list[StoreError | None] = []
    path = tmp_path / "mindbot.db"
    async with SqliteStore.open(path, on_state=states.append) as store:
        await store.inbox.put(a_message("before"))
        file, aside = Path(f"{path}{ending}"), tmp_path / "aside"
        file.rename(aside)
        with pytest.raises(StoreGone, match="deleted or moved"):
            await store.inbox.put(a_message("during"))
        with pytest.raises(StoreGone):
            await store.check()
        file.write_bytes(b"")  # another one in its place
        with pytest.raises(StoreGone, match="replaced"):
            await store.probe()
        aside.rename(file)
        await store.probe()
        _, duplicate = await store.inbox.put(a_message("during"))
        assert not duplicate and [type(state) for state in states] == [StoreGone, type(None)]


async def test_a_log_that_was_cut_takes_nothing_more(tmp_path: Path) -> None:
    path = tmp_path / "mindbot.db"
    async with SqliteStore.open(path) as store:
        await store.inbox.put(a_message("before"))
        await store.check()
        os.truncate(f"{path}-wal", 32)
        with pytest.raises(StoreGone, match="cut"):
            await store.inbox.put(a_message("after"))


async def test_a_log_that_another_client_folded_and_cut_is_no_loss(tmp_path: Path) -> None:
    path = tmp_path / "mindbot.db"
    async with SqliteStore.open(path) as store:
        for n in range(3):
            await store.inbox.put(a_message(f"before{n}"))
            with closing(sqlite3.connect(path)) as other:
                assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
            assert Path(f"{path}-wal").stat().st_size == 0
        await store.inbox.put(a_message("after"))
        await store.check()
        os.truncate(f"{path}-wal", 40)
        with pytest.raises(StoreGone, match="cut"):
            await store.inbox.put(a_message("lost"))


async def test_what_may_be_on_disk_is_looked_for_until_it_could_be_read(tmp_path: Path) -> None:
    async with SqliteStore.open(tmp_path / "mindbot.db") as store:
        turn, _ = await store.inbox.put(a_message("doubtful"))
        store._journal.doubtful.append(turn.number)
        reader = store._database._reader
        assert reader is not None
        reader.set_progress_handler(lambda: 1, 1)  # each read is interrupted
        with pytest.raises(StoreError):
            await store.inbox.unheard()
        reader.set_progress_handler(None, 1)
        assert [found.number for found in await store.inbox.unheard()] == [turn.number]
        assert await store.inbox.unheard() == []


async def test_a_turn_that_was_written_as_the_file_went_runs_when_it_is_back(tmp_path: Path) -> None:
    path, aside = tmp_path / "mindbot.db", tmp_path / "aside"
    async with SqliteStore.open(path) as store:
        await store.inbox.put(a_message("before"))
        writer = store._database._writer
        assert writer is not None

        def moved(statement: str) -> None:
            if statement == "COMMIT":
                path.rename(aside)

        writer.set_trace_callback(moved)
        with pytest.raises(StoreGone):
            await store.inbox.put(a_message("lost?"))
        writer.set_trace_callback(None)
        aside.rename(path)
        await store.probe()
        _, duplicate = await store.inbox.put(a_message("lost?"))
        assert duplicate, "the platform hears that it is there"
        assert [turn.message.key for turn in await store.inbox.unheard()] == ["lost?"]
        assert await store.inbox.unheard() == []


async def test_operators_make_no_new_file_where_the_old_one_was(tmp_path: Path) -> None:
    path = tmp_path / "a # strange ?name.db"
    async with SqliteStore.open(path) as store:
        await store.inbox.put(a_message("before"))
        queries = SqliteQueries(path, lambda session, number: None, store.unreadable)
        try:
            path.rename(tmp_path / "aside")
            with pytest.raises(StoreError, match="cannot open"):
                await queries.list_turns(None, 9, "")
            assert not path.exists()
            (tmp_path / "aside").rename(path)
            assert len(await queries.list_turns(None, 9, "")) == 1
        finally:
            await queries.close()
