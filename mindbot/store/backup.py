"""Copies of a database: taken while it is used, proved before they count, put in its place again.

Everything blocks: call it in a thread. SQLite's own backup makes the copies: plain copies of the files of a
database in use are torn, and miss what is only in its log.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import structlog

from mindbot.domain.errors import Conflict, NotFound, StoreCorrupt, StoreError, StoreFull
from mindbot.store.database import explain
from mindbot.store.revisions import HEAD, known, upgrade
from mindbot.store.unreadable import ODD

log = structlog.get_logger("mindbot.store")

#: In whose name the store keeps its own rows beside those of bots; no platform is called so.
OURS = ("mindbot", "store")
BACKUP, RESTORED = "backup", "restored"
_KEPT_ASIDE = 3  # copies from before migrations
_PART = ".part"  # a copy that is not whole yet, or never became so
_BESIDE = ("-wal", "-journal")  # what SQLite keeps of a database beside it, and would take for another's
_RESTORING = ".restoring"  # what is to take the database's place


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


@contextmanager
def arriving(target: Path, *, proved: bool = True) -> Iterator[Path]:
    """Lend a file for a copy; at the end of the block it is proved and takes its name, or is gone.

    Raises:
        StoreError: it could not be written, or is damaged.
        Conflict: there is something already.
    """
    if target.exists():
        raise Conflict(f"{target} exists already", hint="name another file, or move it away")
    part = target.with_name(target.name + _PART)
    try:
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        yield part
        if proved:
            verify(part)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.rename(target)
        _sync(target.parent)
    except sqlite3.Error as error:
        raise explain(error, target) from error
    except OSError as error:
        raise StoreError(
            f"cannot write {target}: {error.strerror or error}", hint="is there room, and may you write it?"
        ) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
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
    """Put a backup in the place of a database; hold its lock (`mindbot.store.lock`).

    The next start answers no old customer: see `mindbot.store.anew`. What was there is kept aside. However
    this ends, at a power cut too, the one or the other is there, whole.

    Returns: where the old one is; None when nothing was there.

    Raises:
        StoreError: the backup is damaged, of a newer program, the database is in use, or there is no room.
            Nothing was changed, unless the message says otherwise.
    """
    path = path.resolve()  # through links: the log lies beside what they lead to
    there = path.exists()
    fresh, aside = path.with_name(path.name + _RESTORING), _unused(path, "replaced")
    try:
        _prepare(backup, fresh, like=path if there else path.parent)
        try:
            _keep(path, aside)
            fresh.replace(path)
        except (OSError, StoreError):
            _put_back(path, aside)
            raise
    except sqlite3.Error as error:
        raise explain(error, path) from error
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        if path.exists() or not there:  # else the next start must see that this was not finished
            with suppress(OSError):
                fresh.unlink(missing_ok=True)
    try:
        _sync(path.parent)
    except OSError as error:
        raise StoreError(
            f"{path} is restored from {backup}, but may not outlive a power cut: {error.strerror or error}",
            hint="check the disk (df, dmesg)",
        ) from error
    return aside if there else None


def _prepare(backup: Path, fresh: Path, *, like: Path) -> None:
    """Make what takes the database's place: of this program's schema, and marked as restored."""
    found = verify(backup)
    if found != HEAD and not known(found):
        raise StoreError(
            f"{backup} has schema {found}, which this program does not know",
            hint="run the newer MindBot that made it",
        )
    fresh.unlink(missing_ok=True)
    copy(backup, fresh)
    if found != HEAD:  # an older one may have no place for the mark
        upgrade(fresh, found)
    with closing(sqlite3.connect(fresh, isolation_level=None)) as db:
        note(db, RESTORED, {"at": time.time(), "taken": _taken(backup), "from": str(backup)})
    _same_owner(fresh, like)
    with fresh.open("rb+") as file:
        os.fsync(file.fileno())


def _keep(path: Path, aside: Path) -> None:
    """Give a database a second name, with all that was committed in the one file, and leave no log beside it.

    The log would be taken for the new one's. A database that is too damaged to be folded goes away with its
    log before the new one comes; a start in between refuses (`unfinished`).
    """
    logs = [ending for ending in _BESIDE if Path(f"{path}{ending}").exists()]
    for ending in logs:
        _second(Path(f"{path}{ending}"), Path(f"{aside}{ending}"))  # SQLite deletes one that it cannot read
    folded = False
    if path.exists() and path.stat().st_size:
        with suppress(StoreCorrupt):
            _fold(path)
            folded = True
    if folded:
        _second(path, aside)
        for ending in logs:
            Path(f"{aside}{ending}").unlink()
    elif path.exists():
        path.rename(aside)
    _sync(path.parent)
    for ending in (*_BESIDE, "-shm"):
        Path(f"{path}{ending}").unlink(missing_ok=True)
    _sync(path.parent)


def _put_back(path: Path, aside: Path) -> None:
    """Undo what `_keep` did."""
    for ending in _BESIDE:
        if (kept := Path(f"{aside}{ending}")).exists():
            if Path(f"{path}{ending}").exists():
                kept.unlink()  # its other name is there
            else:
                kept.rename(f"{path}{ending}")
    if not aside.exists():
        return
    if path.exists():
        aside.unlink()
    else:
        aside.rename(path)


def _fold(path: Path) -> None:
    """Write a database's log into its file, and see that nobody has it open, this program or another.

    Raises:
        StoreBusy, StoreCorrupt, StoreFull: it cannot be; all is as it was.
    """
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("PRAGMA busy_timeout=2000")
            db.execute("PRAGMA locking_mode=EXCLUSIVE")
            db.execute("PRAGMA journal_mode=DELETE").fetchone()  # busy while anybody else has its log open
            db.execute("BEGIN EXCLUSIVE")
            db.execute("ROLLBACK")
    except sqlite3.Error as error:
        raise explain(error, path) from error


def _second(file: Path, name: Path) -> None:
    """Give a file a second name, or a copy where there are no links."""
    try:
        name.hardlink_to(file)
    except OSError:
        shutil.copyfile(file, name)
        name.chmod(0o600)
        _same_owner(name, file)
        with name.open("rb+") as copied:
            os.fsync(copied.fileno())


def unfinished(path: Path) -> str:
    """Tell what lies beside a database that is not there, or is empty, and must not be taken for a new one.

    Hold its lock. Where the database is there, what a killed restore left of its copy is removed.
    """
    path = path.resolve()
    fresh = path.with_name(path.name + _RESTORING)
    if path.exists() and path.stat().st_size:
        for left in (fresh, fresh.with_name(fresh.name + _PART)):
            left.unlink(missing_ok=True)
        return ""
    if fresh.exists():
        return f"the restore into {path} was not finished: {fresh} is there"
    for ending in _BESIDE:
        log = Path(f"{path}{ending}")
        if log.exists() and log.stat().st_size:
            return f"there is no database at {path}, but the log of one: {log}"
    return ""


def keep_aside(path: Path, revision: str) -> Path:
    """Copy a database before it is upgraded; of such copies the last few stay. Raises StoreError.

    Hold the database's lock: what a killed process left of a copy is removed.
    """
    made = f"{path.name}.schema-*"
    for torn in path.parent.glob(made + _PART):
        torn.unlink(missing_ok=True)
    size = path.stat().st_size
    free = os.statvfs(path.parent)
    if free.f_bavail * free.f_frsize < size:
        raise StoreFull(
            f"no space left for a copy of {path} before its upgrade ({size:,} bytes)",
            hint="free some disk space; the start goes on by itself",
        )
    target = _unused(path, f"schema-{revision}")
    try:
        copy(path, target)
    except StoreCorrupt as error:  # what the old version could work with, the new one must be able to
        log.warning("the copy before an upgrade is as damaged as the database", error=str(error))
        copy(path, target, proved=False)
    _same_owner(target, path)
    copies = sorted(path.parent.glob(made), key=lambda each: each.stat().st_mtime)
    for old in copies[:-_KEPT_ASIDE]:
        old.unlink(missing_ok=True)
    return target


def note(db: sqlite3.Connection, key: str, value: dict[str, Any]) -> None:
    """Keep a row of the store's own; raises sqlite3.Error, also where the schema has no place for it yet."""
    row = (*OURS, key, orjson.dumps(value).decode())
    db.execute("INSERT OR REPLACE INTO keep (platform, bot, key, value) VALUES (?, ?, ?, ?)", row)


def _keeps(db: sqlite3.Connection) -> bool:
    """Whether the schema has a place for notes; the first one has none."""
    return bool(db.execute("SELECT 1 FROM sqlite_master WHERE name = 'keep'").fetchone())


def noted(db: sqlite3.Connection, key: str) -> str | None:
    """Return the JSON of a row of the store's own; None when there is none. Raises sqlite3.Error."""
    sql = "SELECT value FROM keep WHERE platform = ? AND bot = ? AND key = ?"
    row = db.execute(sql, (*OURS, key)).fetchone()
    return row[0] if row else None


def _taken(backup: Path) -> float:
    """Return when a backup was taken (Unix seconds); a plain copy of the files has only its file's time."""
    with closing(reading(backup)) as db, suppress(sqlite3.Error, *ODD):
        if text := noted(db, BACKUP):
            return float(orjson.loads(text)["taken"])
    return backup.stat().st_mtime


def reading(path: Path) -> sqlite3.Connection:
    """Open a database to read, and never make one; raises sqlite3.Error."""
    return sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None)


def _unused(path: Path, label: str) -> Path:
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
