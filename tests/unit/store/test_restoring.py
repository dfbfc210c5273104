"""A restore ends with the old database or the new one, whole, wherever it is cut off, and says the truth."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine

from mindbot.domain.errors import Conflict, StoreBusy, StoreError
from mindbot.domain.message import Message, text_part
from mindbot.store import backup, restoring
from mindbot.store.revisions import HEAD, alembic_config
from mindbot.store.rows import put_row
from mindbot.store.sqlite import SqliteStore
from mindbot.store.upgrade import ensure

pytestmark = pytest.mark.anyio

_KILLED_AT_EACH_STEP = """
import os, shutil, sqlite3, sys
from contextlib import closing
from pathlib import Path
from mindbot.domain.errors import StoreError
from mindbot.store import backup, restoring
from mindbot.store.upgrade import ensure

folder = Path(sys.argv[1])
STEPS = {"os.rename", "os.link", "os.remove", "open", "sqlite3.connect"}

def holds(path):
    with closing(sqlite3.connect(path)) as db:
        return {row[0] for row in db.execute("SELECT value FROM keep WHERE platform = 'a'")}

def keep(db, value):
    db.execute("INSERT OR REPLACE INTO keep (platform, bot, key, value) VALUES ('a', 'b', 'k', ?)", (value,))

ensure(folder / "source")
with closing(sqlite3.connect(folder / "source")) as db, db:
    keep(db, "new")
backup.copy(folder / "source", folder / "copy")

used = folder / "used"
used.mkdir()
ensure(used / "mindbot.db")
if os.fork() == 0:  # its last writer was killed: what it wrote is in the log alone
    db = sqlite3.connect(used / "mindbot.db", isolation_level=None)
    db.execute("PRAGMA wal_autocheckpoint=0")
    keep(db, "old")
    os._exit(9)
os.wait()
assert (used / "mindbot.db-wal").stat().st_size

def cut_off(path, step, how):
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    seen = [0]
    def hook(event, args):
        if event in STEPS and "state" in str(args[0]):
            seen[0] += 1
            if how == "killed" and seen[0] > step:
                os._exit(9)
            if how == "failed" and seen[0] == step + 1:
                os.write(2, f"{event} {args[0]}".encode())
                raise OSError(5, "a failing disk")
    sys.addaudithook(hook)
    try:
        restoring.restore(folder / "copy", path)
    except StoreError as error:
        os._exit(4 if "is restored" in str(error) else 3)
    os._exit(5 if how == "failed" and seen[0] > step else 0)

restoring.restore(folder / "copy", folder / "warm")  # what is imported by then is no step
def names(state, part):
    return [each for each in state.iterdir() if part in each.name]

step = 0
while True:
    state = folder / f"state{step}"
    shutil.copytree(used, state)
    path = state / "mindbot.db"
    again = cut_off(path, step, "killed") == 9
    for aside in names(state, ".replaced-"):  # SQLite would play the log into both
        assert not (aside.samefile(path) and Path(f"{aside}-wal").exists()), step
    ensure(path)
    assert not [each for each in names(state, ".replaced-") if each.samefile(path)], step
    assert not names(state, ".kept") and not names(state, ".restoring"), (step, names(state, ""))
    found = holds(path)
    if not again:
        assert found == {"new"}, found
        break
    if found == {"old"}:
        restoring.restore(folder / "copy", path)
    assert holds(path) == {"new"}, (step, found)
    kept = [holds(each) for each in sorted(state.glob("*.replaced-*")) if "-wal" not in each.name]
    assert {"old"} in kept, (step, kept)
    assert not list(state.glob("*.restoring*")), step
    shutil.rmtree(state)
    step += 1
print(step)

step = 0
while True:
    state = folder / f"failing-state{step}"
    shutil.copytree(used, state)
    path = state / "mindbot.db"
    if not (end := cut_off(path, step, "failed")):
        break
    assert holds(path) == ({"old"} if end == 3 else {"new"}), (step, end)
    assert end != 3 or not (names(state, ".replaced") or names(state, ".restoring")), (step, names(state, ""))
    ensure(path)
    shutil.rmtree(state)
    step += 1
print(step)
"""


def a_keeper(path: Path, value: str) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        row = ("a", "b", "k", value)
        db.execute("INSERT INTO keep (platform, bot, key, value) VALUES (?, ?, ?, ?)", row)


def kept(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        return [row[0] for row in db.execute("SELECT value FROM keep WHERE platform = 'a'")]


def a_backup(folder: Path) -> Path:
    ensure(folder / "source")
    a_keeper(folder / "source", "new")
    backup.copy(folder / "source", folder / "copy")
    return folder / "copy"


@pytest.mark.full
def test_killed_at_any_step_the_old_one_or_the_new_one_is_there_and_nothing_is_lost(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(_KILLED_AT_EACH_STEP, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    killed, failed = map(int, done.stdout.split())
    assert min(killed, failed) > 8, "it was cut off in the middle, not only before"


def test_a_journal_that_a_killed_restore_left_is_not_played_into_the_next_one(tmp_path: Path) -> None:
    copy, path = a_backup(tmp_path), tmp_path / "mindbot.db"
    fresh = path.with_name("mindbot.db.restoring")
    shutil.copyfile(copy, fresh)
    dying = (
        "import os, sqlite3, sys; db = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "db.execute('PRAGMA cache_size=1'); db.execute('BEGIN')\n"
        'for n in range(500): db.execute("INSERT INTO keep (platform, bot, key, value) '
        "VALUES ('a', 'b', ?, ?)\", (str(n), 'x' * 3000))\n"
        "os._exit(9)"
    )
    for start in (None, path):  # the next restore, and a start with the database that is there
        if start is not None:
            shutil.copyfile(copy, fresh)
        subprocess.run([sys.executable, "-c", dying, str(fresh)], check=False)
        assert Path(f"{fresh}-journal").stat().st_size, "what was written is not committed"
        if start is None:
            restoring.restore(copy, path)
        else:
            ensure(path)
        assert backup.verify(path) == HEAD and kept(path) == ["new"]
        assert not list(tmp_path.glob("*.restoring*"))


def test_no_copy_is_put_beside_a_log_that_would_be_taken_for_its_own(tmp_path: Path) -> None:
    copy, log = a_backup(tmp_path), tmp_path / "again-journal"
    log.write_bytes(b"of another")
    with pytest.raises(Conflict, match="again-journal exists"):
        backup.copy(copy, tmp_path / "again")
    assert log.exists() and not (tmp_path / "again").exists()


def test_what_is_in_the_way_of_the_copy_changes_nothing(tmp_path: Path) -> None:
    copy, path = a_backup(tmp_path), tmp_path / "state" / "mindbot.db"
    ensure(path)
    a_keeper(path, "old")
    refused = path.with_name(path.name + ".restoring")
    refused.mkdir()  # in the way of the copy
    with pytest.raises(StoreError):
        restoring.restore(copy, path)
    refused.rmdir()
    assert kept(path) == ["old"] and not list(path.parent.glob("*.replaced*"))


def test_a_database_that_is_damaged_at_its_head_is_replaced_and_kept_with_its_log(tmp_path: Path) -> None:
    copy, path = a_backup(tmp_path), tmp_path / "state" / "mindbot.db"
    path.parent.mkdir()
    path.write_bytes(b"no database" * 99)
    path.with_name("mindbot.db-wal").write_bytes(b"its log")
    aside = restoring.restore(copy, path)
    assert aside is not None and aside.read_bytes().startswith(b"no database")
    assert Path(f"{aside}-wal").read_bytes() == b"its log"
    assert kept(path) == ["new"]
    ensure(path)
    assert backup.verify(path) == HEAD


def test_a_start_makes_no_new_database_where_one_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "mindbot.db"
    log, fresh = path.with_name("mindbot.db-wal"), path.with_name("mindbot.db.restoring")
    log.write_bytes(b"x")
    with pytest.raises(StoreError, match="but the log of one"):
        ensure(path)
    log.unlink()
    fresh.write_bytes(b"x")
    with pytest.raises(StoreError, match="not finished"):
        ensure(path)
    assert not path.exists() and fresh.exists()
    fresh.unlink()
    ensure(path)
    fresh.write_bytes(b"x")
    ensure(path)
    assert not fresh.exists(), "the database is there: what a killed restore left is of no use"


@pytest.mark.full
async def test_no_second_process_uses_a_database_and_none_replaces_it(tmp_path: Path) -> None:
    copy, path = a_backup(tmp_path), tmp_path / "mindbot.db"
    link = tmp_path / "link.db"
    async with SqliteStore.open(path):
        link.symlink_to(path)
        with pytest.raises(Conflict, match=f"pid {os.getpid()}"):
            async with SqliteStore.open(link):
                pass
        with pytest.raises(StoreBusy):  # also where its lock is not asked for
            restoring.restore(copy, path)
    assert not list(tmp_path.glob("*.restoring*")) and not list(tmp_path.glob("*.replaced*"))
    restoring.restore(copy, link)
    assert link.is_symlink() and kept(path) == ["new"]


@pytest.mark.slow
async def test_a_backup_of_the_first_schema_answers_nobody_twice_either(tmp_path: Path) -> None:
    old, path = tmp_path / "old.db", tmp_path / "mindbot.db"
    config, engine = alembic_config(), create_engine(f"sqlite:///{old}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    message = Message("console", "default", "k", "s", "mei", "text", (text_part("hi"),), {}, received=1.0)
    names = "id, platform, bot, key, session, sender, partition, received, message, state"
    with closing(sqlite3.connect(old)) as db, db:
        row = (*put_row(1 << 40, message)[:-1], json.dumps(message.to_json()), "queued")
        db.execute(f"INSERT INTO turns ({names}) VALUES ({','.join('?' * len(row))})", row)
    backup.copy(old, tmp_path / "copy")
    restoring.restore(tmp_path / "copy", path)
    before = time.time()
    async with SqliteStore.open(path) as store:
        assert store.anew.turns == 1 and store.anew.since >= before
        assert await store.inbox.recover() == []


def test_copies_that_were_never_finished_push_out_no_whole_ones(tmp_path: Path) -> None:
    path = tmp_path / "mindbot.db"
    ensure(path)
    whole = backup.keep_aside(path, "0001")
    os.utime(whole, (1, 1))
    for n in range(3):
        path.with_name(f"mindbot.db.schema-0001-2026010{n}.part").write_bytes(b"half")
    backup.keep_aside(path, "0001")
    assert whole.exists() and not list(tmp_path.glob("*.part"))


@pytest.mark.slow
def test_a_database_with_a_damaged_page_is_upgraded_and_kept_aside_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "mindbot.db"
    ensure(path)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA journal_mode=DELETE")
        db.executescript("DROP TABLE keep; DROP TABLE spending")
        db.execute("UPDATE alembic_version SET version_num = '0001'")
        (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'memo'").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 100)
    ensure(path)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT version_num FROM alembic_version").fetchone() == (HEAD,)
    assert len(list(tmp_path.glob("mindbot.db.schema-0001-*"))) == 1
