"""Copies of a database: taken while it is used, proved before they count: see `mindbot.store.restoring`.

Everything blocks: call it in a thread. SQLite's own backup makes the copies: plain copies of the files of a
database in use are torn, and miss what is only in its log.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import structlog

from mindbot.domain.errors import Conflict, NotFound, StoreCorrupt, StoreFull
from mindbot.store.database import explain, explain_os
from mindbot.store.indexes import problems

log = structlog.get_logger("mindbot.store")

#: In whose name the store keeps its own rows beside those of bots; no platform is called so.
OURS = ("mindbot", "store")
BACKUP, RESTORED, FINDER = "backup", "restored", "finder"
_KEPT_ASIDE = 3  # copies from before migrations
PART = ".part"  # a copy that is not whole yet, or never became so
LOGS = ("-wal", "-journal")  # what SQLite keeps of a database beside it, and would take for another's


def copy(source: Path, target: Path, *, proved: bool = True) -> None:
    """Copy a database that others may use meanwhile; raises StoreError, Conflict when ``target`` is there.

    With ``proved`` false, a damaged one is copied as it is.
    """
    if not source.is_file():
        raise NotFound(f"there is no database at {source}", hint="name it with --file")
    try:
        with closing(reading(source)) as db:
            copy_open(db, target, proved=proved)
    except sqlite3.Error as error:
        raise explain(error, source) from error


def copy_open(db: sqlite3.Connection, target: Path, *, proved: bool = True) -> None:
    """Copy through a connection, which needs no file that is still there; the copy is whole or not there.

    Raises:
        StoreError: it could not be read, or not be written.
        Conflict: there is something already.
    """
    with (
        arriving(target, proved=proved) as part,
        closing(sqlite3.connect(part, isolation_level=None)) as made,
    ):
        db.backup(made)
        made.execute("PRAGMA journal_mode=DELETE")  # one file, whatever the source was
        if _keeps(made):
            note(made, BACKUP, {"taken": time.time()})
            forget(made, FINDER)  # the one beside the source is not the copy's


@contextmanager
def arriving(target: Path, *, proved: bool = True) -> Iterator[Path]:
    """Lend a file for a copy; at the end of the block it is proved and takes its name, or is gone.

    Raises:
        StoreError: it could not be written, or is damaged.
        Conflict: there is something already.
    """
    for there in (target, *(Path(f"{target}{log}") for log in LOGS)):  # a log would be taken for the copy's
        if there.exists():
            raise Conflict(f"{there} exists already", hint="name another file, or move it away")
    part = target.with_name(target.name + PART)
    try:
        remove(part)
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        yield part
        if proved:
            verify(part)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.rename(target)
        sync(target.parent)
    except sqlite3.Error as error:
        raise explain(error, target) from error
    except OSError as error:
        raise explain_os(error, target) from error
    finally:
        with suppress(OSError):
            remove(part)


def remove(path: Path) -> None:
    """Delete a database with what SQLite keeps beside it; raises OSError.

    A journal that stays is played into whatever takes its database's name next. What is not there is not
    touched: that is no failure on a disk that may not be written either.
    """
    for ending in ("", *LOGS, "-shm"):
        if os.path.lexists(name := f"{path}{ending}"):
            Path(name).unlink(missing_ok=True)


def sync(folder: Path) -> None:
    """Let the names in a folder outlive a power cut; raises OSError."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def verify(path: Path) -> str:
    """Read a database through and return its schema's revision.

    Raises:
        NotFound: there is none.
        StoreCorrupt: it is damaged, or no database of MindBot's.
    """
    if not path.is_file():
        raise NotFound(f"there is no database at {path}", hint="see: mindbot db backup --help")
    try:
        with closing(reading(path)) as db:
            found = problems(db, 5)
            if found:
                raise StoreCorrupt(f"{path} is damaged: {'; '.join(found)}", hint="use another backup")
            try:
                row = db.execute("SELECT version_num FROM alembic_version").fetchone()
            except sqlite3.OperationalError:
                row = None
    except sqlite3.Error as error:
        raise explain(error, path) from error
    if row is None:
        raise StoreCorrupt(f"{path} is no database of MindBot's", hint="use another backup")
    return str(row[0])


def keep_aside(path: Path, revision: str) -> Path:
    """Copy a database before it is upgraded; of such copies the last few stay. Raises StoreError.

    Hold the database's lock: what a killed process left of a copy is removed.
    """
    for torn in beside(path, "schema"):
        if torn.name.endswith(PART):
            remove(torn)
    size = path.stat().st_size
    free = os.statvfs(path.parent)
    if free.f_bavail * free.f_frsize < size:
        raise StoreFull(
            f"no space left for a copy of {path} before its upgrade ({size:,} bytes)",
            hint="free some disk space; the start goes on by itself",
        )
    target = unused(path, f"schema-{revision}")
    try:
        copy(path, target)
    except StoreCorrupt as error:  # what the old version could work with, the new one must be able to
        log.warning("the copy before an upgrade is as damaged as the database", error=str(error))
        copy(path, target, proved=False)
    same_owner(target, path)
    copies = sorted(beside(path, "schema"), key=lambda each: each.stat().st_mtime)
    for old in copies[:-_KEPT_ASIDE]:
        remove(old)
    return target


def note(db: sqlite3.Connection, key: str, value: dict[str, Any]) -> None:
    """Keep a row of the store's own; raises sqlite3.Error, also where the schema has no place for it yet."""
    row = (*OURS, key, orjson.dumps(value).decode())
    db.execute("INSERT OR REPLACE INTO keep (platform, bot, key, value) VALUES (?, ?, ?, ?)", row)


def forget(db: sqlite3.Connection, key: str) -> None:
    """Take a row of the store's own away; raises sqlite3.Error."""
    db.execute("DELETE FROM keep WHERE platform = ? AND bot = ? AND key = ?", (*OURS, key))


def _keeps(db: sqlite3.Connection) -> bool:
    """Whether the schema has a place for notes; the first one has none."""
    return bool(db.execute("SELECT 1 FROM sqlite_master WHERE name = 'keep'").fetchone())


def noted(db: sqlite3.Connection, key: str) -> str | None:
    """Return the JSON of a row of the store's own; None when there is none. Raises sqlite3.Error."""
    sql = "SELECT value FROM keep WHERE platform = ? AND bot = ? AND key = ?"
    row = db.execute(sql, (*OURS, key)).fetchone()
    return row[0] if row else None


def reading(path: Path) -> sqlite3.Connection:
    """Open a database to read, and never make one; raises sqlite3.Error."""
    return sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None)


def beside(path: Path, label: str) -> list[Path]:
    """Return the databases beside a file that `unused` named, and what is left of such; raises OSError."""
    names = (each.name for each in path.parent.iterdir() if not each.name.endswith((*LOGS, "-shm")))
    return sorted(path.with_name(name) for name in names if name.startswith(f"{path.name}.{label}-"))


def unused(path: Path, label: str) -> Path:
    """Return a name beside a file, with the time, that nothing has."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    found, n = path.with_name(f"{path.name}.{label}-{stamp}"), 1
    while found.exists():
        n += 1
        found = path.with_name(f"{path.name}.{label}-{stamp}-{n}")
    return found


def same_owner(path: Path, like: Path) -> None:
    """Give a file the owner of another: root restores what a service must be able to open."""
    there = like.stat()
    if os.geteuid() == 0 and (path.stat().st_uid, path.stat().st_gid) != (there.st_uid, there.st_gid):
        os.chown(path, there.st_uid, there.st_gid, follow_symlinks=False)
