"""Backups are whole and proved, and a restored one answers nobody twice."""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import anyio.to_thread
import pytest

from mindbot.config.paths import give_to_owner, own_state_dir
from mindbot.config.secret_file import SecretFile
from mindbot.domain.delivery import Delivery
from mindbot.domain.errors import ConfigError, Conflict, NotFound, StoreCorrupt, StoreError, StoreGone
from mindbot.domain.message import Message, text_part
from mindbot.domain.turn import Turn
from mindbot.store import backup, restoring
from mindbot.store.lock import only_one
from mindbot.store.revisions import HEAD
from mindbot.store.sqlite import SqliteStore
from mindbot.store.upgrade import ensure

pytestmark = pytest.mark.anyio


def a_message(key: str) -> Message:
    session = f"console:default:{key}"
    now = time.time()
    return Message("console", "default", key, session, key, "text", (text_part(key),), {}, received=now)


async def with_open_ends(path: Path) -> tuple[Turn, Turn]:
    """Make a database with an open turn, and an answered one whose answer is not sent."""
    async with SqliteStore.open(path) as store:
        waiting, _ = await store.inbox.put(a_message("waiting"))
        answered, _ = await store.inbox.put(a_message("answered"))
        answered.state, answered.finished = "answered", time.time()
        m = answered.message
        parts = [text_part("an answer")]
        d = Delivery(answered.number, 0, m.platform, m.bot, m.session, {}, parts, created=1.0)
        await store.turns.finish(answered, [d])
        await store.backup(path.with_name("copy"))
    return waiting, answered


async def test_a_backup_of_a_store_in_use_has_all_that_was_committed(tmp_path: Path) -> None:
    async with SqliteStore.open(tmp_path / "mindbot.db") as store:
        for n in range(20):
            await store.inbox.put(a_message(f"m{n}"))
        copy = tmp_path / "copy"
        await store.backup(copy)
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        with closing(sqlite3.connect(copy)) as db:
            assert db.execute("SELECT count(*) FROM turns").fetchone() == (20,)
        with pytest.raises(Conflict, match="exists already"):
            await store.backup(copy)
        assert sorted(path.name for path in tmp_path.iterdir() if "copy" in path.name) == ["copy"]


async def test_what_a_deleted_file_held_can_still_be_saved(tmp_path: Path) -> None:
    path = tmp_path / "mindbot.db"
    async with SqliteStore.open(path) as store:
        await store.inbox.put(a_message("saved"))
        for each in tmp_path.glob("mindbot.db*"):
            each.unlink()
        with pytest.raises(StoreGone):
            await store.check()
        await store.backup(tmp_path / "copy")
    await anyio.to_thread.run_sync(restoring.restore, tmp_path / "copy", path)
    async with SqliteStore.open(path, resume=True) as store:
        assert [turn.message.key for turn in await store.inbox.recover()] == ["saved"]


async def test_a_restored_database_sends_nothing_again_and_operators_may(tmp_path: Path) -> None:
    path = tmp_path / "mindbot.db"
    waiting, answered = await with_open_ends(path)
    async with SqliteStore.open(path) as store:
        await store.inbox.put(a_message("after the backup"))
    aside = await anyio.to_thread.run_sync(restoring.restore, tmp_path / "copy", path)
    assert aside is not None and "replaced" in aside.name
    before = time.time()
    async with SqliteStore.open(path) as store:
        assert (store.anew.turns, store.anew.deliveries) == (1, 1)
        assert store.anew.since >= before and "restored from a backup of" in store.anew.reason
        assert await store.inbox.recover() == [] and await store.outbox.open_deliveries() == []
        assert await store.outbox.revive(answered.number, 0) is not None
        assert await store.turns.requeue(waiting.number) is not None
        since = store.anew.since
    async with SqliteStore.open(path) as store:
        assert store.anew.since == since and not store.anew.reason, "once, and the moment is remembered"
        assert [turn.number for turn in await store.inbox.recover()] == [waiting.number]


async def test_a_restored_database_goes_on_where_that_is_set(tmp_path: Path) -> None:
    path = tmp_path / "mindbot.db"
    waiting, _ = await with_open_ends(path)
    await anyio.to_thread.run_sync(restoring.restore, tmp_path / "copy", path)
    async with SqliteStore.open(path, resume=True) as store:
        assert [turn.number for turn in await store.inbox.recover()] == [waiting.number]
        assert len(await store.outbox.open_deliveries()) == 1 and not store.anew.since


async def test_a_start_from_now_puts_away_what_any_database_has_open(tmp_path: Path) -> None:
    path = tmp_path / "mindbot.db"
    await with_open_ends(path)
    async with SqliteStore.open(path, from_now=True) as store:
        assert await store.inbox.recover() == [] and store.anew.reason == "started from now"
    async with SqliteStore.open(tmp_path / "new.db", from_now=True) as store:
        assert store.anew.since > 0


async def test_a_backup_that_is_no_good_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "mindbot.db"
    await with_open_ends(path)
    restore = partial(anyio.to_thread.run_sync, restoring.restore)
    bad = tmp_path / "bad"
    bad.write_bytes((tmp_path / "copy").read_bytes()[:9000])
    with pytest.raises(StoreCorrupt):
        await restore(bad, path)
    bad.write_text("hello")
    with pytest.raises(StoreCorrupt):
        await restore(bad, path)
    with pytest.raises(NotFound):
        await restore(tmp_path / "absent", path)
    with closing(sqlite3.connect(tmp_path / "copy")) as db, db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="9999"):
        await restore(tmp_path / "copy", path)
    left = [each.name for each in tmp_path.glob("mindbot.db.*") if ".finder" not in each.name]
    assert left == ["mindbot.db.lock"]
    async with SqliteStore.open(path) as store:
        assert len(await store.inbox.recover()) == 1


def test_a_copy_is_kept_before_the_schema_changes_and_three_of_them(tmp_path: Path) -> None:
    path = tmp_path / "mindbot.db"
    for _ in range(4):
        ensure(path)
        with closing(sqlite3.connect(path)) as db, db:
            db.executescript("DROP TABLE keep; DROP TABLE spending")
            db.execute("UPDATE alembic_version SET version_num = '0001'")
    ensure(path)
    copies = list(tmp_path.glob("mindbot.db.schema-0001-*"))
    assert len(copies) == 3 and {backup.verify(copy) for copy in copies} == {"0001"}
    assert backup.verify(path) == HEAD


def test_root_is_asked_which_state_is_meant_where_a_service_has_one(tmp_path: Path) -> None:
    home = {"XDG_STATE_HOME": str(tmp_path / "root")}
    service = tmp_path / "service"
    assert own_state_dir("", home, service=service, uid=0) == tmp_path / "root" / "mindbot"
    service.mkdir()
    with pytest.raises(ConfigError, match="root's own state"):
        own_state_dir("", home, service=service, uid=0)
    assert own_state_dir("", home | {"STATE_DIRECTORY": str(service)}, service=service, uid=0) == service
    assert own_state_dir(tmp_path / "other", home, service=service, uid=0) == tmp_path / "other"
    assert own_state_dir("", home, service=service, uid=1000) == tmp_path / "root" / "mindbot"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_makes_in_a_service_s_state_belongs_to_the_service(tmp_path: Path) -> None:
    state, outside = tmp_path / "state", tmp_path / "outside"
    state.mkdir()
    outside.touch()
    os.chown(state, 4711, 4712)
    with only_one(state):
        ensure(state / "mindbot.db")
        backup.copy(state / "mindbot.db", tmp_path / "copy")
        restoring.restore(tmp_path / "copy", state / "mindbot.db")
    SecretFile(state).set("mindbot", "a-name", "not-a-real-secret")
    made = {path.name: path.stat() for path in state.iterdir()}
    assert {"daemon.lock", "mindbot.db", "secrets.lock"} < set(made)
    assert {(each.st_uid, each.st_gid) for each in made.values()} == {(4711, 4712)}

    (state / "link").symlink_to(outside)  # its owner may name what he likes
    give_to_owner(state / "link")
    assert outside.stat().st_uid == 0
