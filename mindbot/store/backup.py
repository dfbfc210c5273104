"""Copies of a database: taken while it is used, proved before they count, put in its place again.

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

from mindbot.domain.errors import Conflict, NotFound, StoreCorrupt, StoreError, StoreFull
from mindbot.store.database import explain

#: In whose name the store keeps its own rows beside those of bots; no platform is called so.
OURS = ("mindbot", "store")
BACKUP, RESTORED = "backup", "restored"
_KEPT_ASIDE = 3  # copies from before migrations
_ENDINGS = ("", "-wal", "-shm")


def copy(source: Path, target: Path) -> None:
    """Copy a database that others may use meanwhile; raises StoreError, Conflict when ``target`` is there."""
    if not source.is_file():
        raise NotFound(f"there is no database at {source}", hint="name it with --file")
    try:
        with closing(_reading(source)) as db:
            copy_open(db, target)
    except sqlite3.Error as error:
        raise explain(error, source) from error


def copy_open(db: sqlite3.Connection, target: Path) -> None:
    """Copy through a connection, which needs no file that is still there; the copy is whole or not there.

    Raises:
        StoreError: it could not be read, or not be written.
        Conflict: there is something already.
    """
    with arriving(target) as part, closing(sqlite3.connect(part, isolation_level=None)) as made:
        db.backup(made)
        made.execute("PRAGMA journal_mode=DELETE")  # one file, whatever the source was
        note(made, BACKUP, {"taken": time.time()})


@contextmanager
def arriving(target: Path) -> Iterator[Path]:
    """Lend a file for a copy; at the end of the block it is proved and takes its name, or is gone.

    Raises:
        StoreError: it could not be written, or is damaged.
        Conflict: there is something already.
    """
    if target.exists():
        raise Conflict(f"{target} exists already", hint="name another file, or move it away")
    part = target.with_name(target.name + ".part")
    try:
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        yield part
        verify(part)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.rename(target)
    except sqlite3.Error as error:
        raise explain(error, target) from error
    except OSError as error:
        raise StoreError(
            f"cannot write {target}: {error.strerror or error}", hint="is there room, and may you write it?"
        ) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def verify(path: Path) -> str:
    """Read a database through and return its schema's revision.

    Raises:
        NotFound: there is none.
        StoreCorrupt: it is damaged, or no database of MindBot's.
    """
    if not path.is_file():
        raise NotFound(f"there is no database at {path}", hint="see: mindbot db backup --help")
    try:
        with closing(_reading(path)) as db:
            found = [row[0] for row in db.execute("PRAGMA integrity_check(5)") if row[0] != "ok"]
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


def restore(backup: Path, path: Path) -> Path | None:
    """Put a backup in the place of a database that nobody uses; hold its lock (`mindbot.store.lock`).

    The next start answers no old customer: see `mindbot.store.anew`. What was there is kept aside.

    Returns: where that is; None when nothing was there.

    Raises:
        StoreError: the backup is damaged, of a newer program, or there is no room. Nothing was changed.
    """
    from mindbot.store.upgrade import known

    found = verify(backup)
    if not known(found):
        raise StoreError(
            f"{backup} has schema {found}, which this program does not know",
            hint="run the newer MindBot that made it",
        )
    fresh = path.with_name(path.name + ".restoring")
    fresh.unlink(missing_ok=True)
    copy(backup, fresh)
    try:
        with closing(sqlite3.connect(fresh, isolation_level=None)) as db:
            note(db, RESTORED, {"at": time.time(), "taken": _taken(backup), "from": str(backup)})
        _same_owner(fresh, path if path.exists() else path.parent)
        aside = _free(path, "replaced") if path.exists() else None
        for ending in _ENDINGS:  # the log of the old one would be taken for the new one's
            old = Path(f"{path}{ending}")
            if old.exists():
                if aside is None:
                    old.unlink()
                else:
                    old.rename(f"{aside}{ending}")
        fresh.rename(path)
    except sqlite3.Error as error:
        raise explain(error, fresh) from error
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from error
    return aside


def keep_aside(path: Path, revision: str) -> Path:
    """Copy a database before it is upgraded; of such copies the last few stay. Raises StoreError."""
    size = path.stat().st_size
    free = os.statvfs(path.parent)
    if free.f_bavail * free.f_frsize < size:
        raise StoreFull(
            f"no space left for a copy of {path} before its upgrade ({size:,} bytes)",
            hint="free some disk space; the start goes on by itself",
        )
    target = _free(path, f"schema-{revision}")
    copy(path, target)
    _same_owner(target, path)
    copies = sorted(path.parent.glob(f"{path.name}.schema-*"), key=lambda each: each.stat().st_mtime)
    for old in copies[:-_KEPT_ASIDE]:
        old.unlink(missing_ok=True)
    return target


def note(db: sqlite3.Connection, key: str, value: dict[str, Any]) -> None:
    """Keep a row of the store's own, where the schema has a place for it."""
    has = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'keep'").fetchone()[0]
    if has:
        row = (*OURS, key, orjson.dumps(value).decode())
        db.execute("INSERT OR REPLACE INTO keep (platform, bot, key, value) VALUES (?, ?, ?, ?)", row)


def noted(db: sqlite3.Connection, key: str) -> dict[str, Any]:
    """Return a row of the store's own; empty when there is none."""
    sql = "SELECT value FROM keep WHERE platform = ? AND bot = ? AND key = ?"
    row = db.execute(sql, (*OURS, key)).fetchone()
    found: dict[str, Any] = orjson.loads(row[0]) if row else {}
    return found


def _taken(backup: Path) -> float:
    """Return when a backup was taken (Unix seconds); a plain copy of the files has only its file's time."""
    with closing(_reading(backup)) as db, suppress(sqlite3.Error, ValueError):
        if found := noted(db, BACKUP):
            return float(found["taken"])
    return backup.stat().st_mtime


def _reading(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None)


def _free(path: Path, label: str) -> Path:
    """Return a name beside a file, with the time, that nothing has."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    found, n = path.with_name(f"{path.name}.{label}-{stamp}"), 1
    while found.exists():
        n += 1
        found = path.with_name(f"{path.name}.{label}-{stamp}-{n}")
    return found


def _same_owner(path: Path, like: Path) -> None:
    """Give a file the owner of another: root restores what a service must be able to open."""
    there = like.stat()
    if os.geteuid() == 0 and (path.stat().st_uid, path.stat().st_gid) != (there.st_uid, there.st_gid):
        os.chown(path, there.st_uid, there.st_gid, follow_symlinks=False)
