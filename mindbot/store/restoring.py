"""Puts a backup in a database's place, and sees after what a restore left that was killed.

Everything blocks: call it in a thread, and hold the database's lock (`mindbot.store.lock`).
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

import orjson

from mindbot.domain.errors import StoreCorrupt, StoreError
from mindbot.store.backup import (
    BACKUP,
    LOGS,
    PART,
    RESTORED,
    beside,
    copy,
    note,
    noted,
    reading,
    remove,
    same_owner,
    sync,
    unused,
    verify,
)
from mindbot.store.database import explain, explain_os
from mindbot.store.revisions import HEAD, known, upgrade
from mindbot.store.unreadable import ODD

_RESTORING = ".restoring"  # what is to take the database's place
_REPLACED = "replaced"  # what was in its place
#: The end of a log's second name, which SQLite must not take for a log: while its database goes on under its
#: own name, whoever opened the second one would have old pages written over new ones.
_KEPT = ".kept"


def restore(backup: Path, path: Path) -> Path | None:
    """Put a backup in the place of a database.

    The next start answers no old customer: see `mindbot.store.anew`. What was there is kept aside. However
    this ends, at a power cut too, the one or the other is there, whole.

    Returns: where the old one is; None when nothing was there.

    Raises:
        StoreError: the backup is damaged, of a newer program, the database is in use, or there is no room.
            Nothing was changed, unless the message says otherwise.
    """
    path = path.resolve()  # through links: the log lies beside what they lead to
    there = path.exists()
    fresh, aside = path.with_name(path.name + _RESTORING), unused(path, _REPLACED)
    try:
        _tidy(path)
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
        raise explain_os(error, path) from error
    finally:
        if path.exists() or not there:  # else the next start must see that this was not finished
            with suppress(OSError):
                remove(fresh)
    try:
        sync(path.parent)
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
    remove(fresh)
    copy(backup, fresh, proved=False)
    if found != HEAD:  # an older one may have no place for the mark
        upgrade(fresh, found)
    with closing(sqlite3.connect(fresh, isolation_level=None)) as db:
        note(db, RESTORED, {"at": time.time(), "taken": _taken(backup), "from": str(backup)})
    same_owner(fresh, like)
    with fresh.open("rb+") as file:
        os.fsync(file.fileno())
    verify(fresh)


def _keep(path: Path, aside: Path) -> None:
    """Give a database a second name, with all that was committed in the one file, and leave no log beside it.

    The log would be taken for the new one's. A database that is too damaged to be folded goes away with its
    log before the new one comes; a start in between refuses (`unfinished`).
    """
    logs = [ending for ending in LOGS if Path(f"{path}{ending}").exists()]
    for ending in logs:
        _second(Path(f"{path}{ending}"), _kept(aside, ending))  # SQLite deletes one that it cannot read
    folded = False
    if path.exists() and path.stat().st_size:
        with suppress(StoreCorrupt):
            _fold(path)
            folded = True
    if folded:
        for ending in logs:
            _kept(aside, ending).unlink()
        _second(path, aside)
    else:
        if path.exists():
            path.rename(aside)
        for ending in logs:
            _kept(aside, ending).rename(f"{aside}{ending}")
    sync(path.parent)
    for ending in (*LOGS, "-shm"):
        Path(f"{path}{ending}").unlink(missing_ok=True)
    sync(path.parent)


def _kept(aside: Path, ending: str) -> Path:
    return Path(f"{aside}{ending}{_KEPT}")


def _put_back(path: Path, aside: Path) -> None:
    """Undo what `_keep` did."""
    for ending in LOGS:
        for kept in (_kept(aside, ending), Path(f"{aside}{ending}")):
            if kept.exists():
                if Path(f"{path}{ending}").exists():
                    kept.unlink()  # its other name is there
                else:
                    kept.rename(f"{path}{ending}")
    aside.with_name(aside.name + PART).unlink(missing_ok=True)
    if not aside.exists():
        return
    if path.exists():
        aside.unlink()
    else:
        aside.rename(path)


def _tidy(path: Path) -> None:
    """Finish what a killed `_keep` left; raises OSError.

    A second name of the database that is in its place is no copy, and goes. A log's second name becomes a
    log's name beside the database it was kept with; where that is in its place still, it goes.
    """
    for left in beside(path, _REPLACED):
        if left.name.endswith(PART) or (path.exists() and left.samefile(path)):
            remove(left)
    for ending in LOGS:
        for kept in (each for each in beside(path, _REPLACED) if each.name.endswith(f"{ending}{_KEPT}")):
            aside = Path(str(kept).removesuffix(f"{ending}{_KEPT}"))
            if aside.exists():
                kept.rename(f"{aside}{ending}")
            elif path.exists() and (Path(f"{path}{ending}").exists() or _readable(path)):
                kept.unlink()


def _readable(path: Path) -> bool:
    """Tell whether a database can be read at all: then its log is not there because all of it was folded."""
    with suppress(sqlite3.Error), closing(reading(path)) as db:
        return bool(db.execute("SELECT count(*) FROM sqlite_master").fetchone())
    return False


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
        part = name.with_name(name.name + PART)
        shutil.copyfile(file, part)
        part.chmod(0o600)
        same_owner(part, file)
        with part.open("rb+") as copied:
            os.fsync(copied.fileno())
        part.rename(name)


def unfinished(path: Path) -> str:
    """Tell what lies beside a database that is not there, or is empty, and must not be taken for a new one.

    Where the database is there, what a killed restore left is removed. Raises OSError.
    """
    path = path.resolve()
    fresh = path.with_name(path.name + _RESTORING)
    if path.exists() and path.stat().st_size:
        for left in (fresh, fresh.with_name(fresh.name + PART)):
            remove(left)
        _tidy(path)
        return ""
    if fresh.exists():
        return f"the restore into {path} was not finished: {fresh} is there"
    for ending in LOGS:
        log = Path(f"{path}{ending}")
        if log.exists() and log.stat().st_size:
            return f"there is no database at {path}, but the log of one: {log}"
    return ""


def _taken(backup: Path) -> float:
    """Return when a backup was taken (Unix seconds); a plain copy of the files has only its file's time."""
    with closing(reading(backup)) as db, suppress(sqlite3.Error, *ODD):
        if text := noted(db, BACKUP):
            return float(orjson.loads(text)["taken"])
    return backup.stat().st_mtime
