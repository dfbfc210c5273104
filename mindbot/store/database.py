"""The SQLite file: one writing and one reading connection, each in its own thread.

The hot statements run here on the driver: a batch of rows travels as one JSON parameter and is unpacked by
SQLite itself (``json_each``), so a whole batch is one statement that runs without the interpreter's lock.
"""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.to_thread
import structlog

from mindbot.domain.errors import StoreBusy, StoreCorrupt, StoreError, StoreFull, StoreGone, StoreReadOnly
from mindbot.store import indexes
from mindbot.store.files import Files

log = structlog.get_logger("mindbot.store")

T = TypeVar("T")

_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA busy_timeout=2000",
    "PRAGMA foreign_keys=ON",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA cache_size=-8000",
    "PRAGMA wal_autocheckpoint=4000",
)


#: How texts are read: one damaged letter must not hide its row, and the whole result with it.
as_text = partial(str, encoding="utf-8", errors="replace")


def damaged(error: sqlite3.Error) -> bool:
    """Tell whether a page of the file is damaged; others may well be readable."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_CORRUPT


def explain(error: sqlite3.Error, path: Path) -> StoreError:
    """Turn a driver's error into ours, with what to do about it."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    text = str(error)
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and "full" in text):
        return StoreFull(f"no space left for {path}", hint="free some disk space; intake resumes by itself")
    if code == sqlite3.SQLITE_IOERR:
        return StoreFull(
            f"cannot write {path}: {text}", hint="check the disk (df, dmesg); intake resumes by itself"
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreBusy(f"{path} is locked by another process", hint="find it with: fuser " + str(path))
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StoreCorrupt(
            f"{path} is damaged: {text}",
            hint="run `mindbot db check`; restore a backup or move the file away",
        )
    if code == sqlite3.SQLITE_READONLY or (code == sqlite3.SQLITE_CANTOPEN and _mounted_ro(path.parent)):
        return StoreReadOnly(
            f"{path} is read-only", hint="check its owner and mode, and that its disk is mounted rw"
        )
    if code == sqlite3.SQLITE_CANTOPEN:
        return StoreError(f"cannot open {path}: {text}", hint="check that the folder exists and is writable")
    return StoreError(f"{path}: {text}")


def _mounted_ro(folder: Path) -> bool:
    """Tell whether that is why SQLite could not make a database's log."""
    try:
        return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def explain_os(error: OSError, path: Path, hint: str = "may you write it, and its folder?") -> StoreError:
    """Turn a failure at a database's files into the error that SQLite's own failure there would be.

    ``hint`` is for failures that do not pass by themselves.
    """
    text = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreFull(f"no space left for {path}", hint="free some disk space; it goes on by itself")
    if error.errno == errno.EIO:
        return StoreFull(
            f"cannot use {path}: {text}", hint="check the disk (df, dmesg); it goes on by itself"
        )
    if error.errno == errno.EROFS:
        return StoreReadOnly(f"{path} is read-only", hint="mount its disk rw; it goes on by itself")
    if error.errno == errno.ENOLCK:
        return StoreBusy(
            f"the system gives no lock for {path}: {text}",
            hint="mend the network file system's locks, or use a local disk (state_dir, store.file)",
        )
    if error.errno in (errno.EOPNOTSUPP, errno.ENOSYS):
        hint = "its file system must be able to: put it on a local disk (state_dir, store.file)"
    return StoreError(f"cannot use {path}: {text}", hint=hint)


def connect(path: Path) -> sqlite3.Connection:
    """Open the file with our pragmas.

    Raises:
        StoreError: the file cannot be opened, or is no database.
    """
    db: sqlite3.Connection | None = None
    try:
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        db.text_factory = as_text
        for pragma in _PRAGMAS:
            db.execute(pragma)
    except sqlite3.Error as error:
        if db is not None:
            db.close()  # or it holds the file while somebody keeps the error
        raise explain(error, path) from error
    return db


class Database:
    """Runs functions on the writing or the reading connection, never on the event loop."""

    def __init__(self, path: Path, *, pragmas: tuple[str, ...] = ()) -> None:
        self.path = path
        self._pragmas = pragmas
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._files: Files | None = None
        self.mended = ""  # what was done about damaged pages, for the operator
        self._write_thread: ThreadPoolExecutor
        self._read_thread: ThreadPoolExecutor
        self._make_threads()

    def _make_threads(self) -> None:
        self._write_thread = ThreadPoolExecutor(1, thread_name_prefix="store-write")
        self._read_thread = ThreadPoolExecutor(1, thread_name_prefix="store-read")

    async def open(self) -> None:
        """Connect both, also after `close`; raises StoreError."""
        self._make_threads()
        await self._run(self._write_thread, self._connect)

    def _connect(self) -> None:
        self._writer = connect(self.path)
        for pragma in self._pragmas:
            self._writer.execute(pragma)
        self._reader = connect(self.path)
        self._reader.execute("PRAGMA query_only=ON")
        self._reader.execute("SELECT count(*) FROM sqlite_master").fetchone()  # its files are there now
        self._files = Files(self.path)

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` in one transaction; it is rolled back when anything fails.

        The first time that a damaged page is met, the indexes are made again from their tables and ``work``
        is run once more: an index is all that many damages concern.

        Raises:
            StoreError: nothing was written.
        """
        try:
            return await self._run(self._write_thread, self._transact, work)
        except StoreCorrupt:
            if self.mended or not await self._run(self._write_thread, self._mend):
                raise
        return await self._run(self._write_thread, self._transact, work)

    def _mend(self) -> bool:
        """Make the indexes again; those of a damaged table stay as they are. Tells whether any was made."""
        assert self._writer is not None
        made, left = indexes.make_again(self._writer)
        self.mended = (
            f"pages of the database are damaged; indexes made again: {', '.join(made) or 'none'}"
            + (f", not: {', '.join(left)}" if left else "")
            + " (look after its disk; run `mindbot db check`)"
        )
        log.warning("damaged pages", file=str(self.path), made_again=made, left=left, hint="mindbot db check")
        return bool(made)

    async def write_apart(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` as `write` does; in a damaged file again, each of its statements by itself.

        SQLite commits nothing of a transaction that came upon a damaged page, be it only by reading. ``work``
        goes on after such a page (`mindbot.store.recovery.bearing`), and may be run twice.

        Raises:
            StoreError: part of it may be written.
        """
        try:
            return await self.write(work)
        except StoreCorrupt:
            return await self._run(self._write_thread, self._apart, work)

    def _apart(self, work: Callable[[sqlite3.Connection], T]) -> T:
        assert self._writer is not None and self._files is not None
        try:
            self._files.check()
            result = work(self._writer)
            self._kept()
        except sqlite3.Error as error:
            raise explain(error, self.path) from error
        return result

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        assert self._writer is not None and self._files is not None
        db = self._writer
        try:
            self._files.check()
            db.execute("BEGIN IMMEDIATE")
            try:
                result = work(db)
                self._files.check()
                db.execute("COMMIT")
                self._kept()
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise explain(error, self.path) from error
        return result

    def _kept(self) -> None:
        """Look once more: what went into a file that is gone by now must not be acknowledged."""
        assert self._files is not None
        try:
            self._files.check()
        except StoreGone as error:
            error.written = True
            raise

    async def check(self) -> None:
        """Look whether the files are still those that were opened; raises StoreGone."""
        files = self._files
        assert files is not None
        await self._run(self._write_thread, files.check)

    async def write_pragma(self, pragma: str) -> None:
        """Change a setting of the writing connection (limits, in fault tests)."""
        await self._run(self._write_thread, lambda: self._writer and self._writer.execute(pragma).fetchall())

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` on the reading connection."""
        return await self._run(self._read_thread, self._query, work)

    def _query(self, work: Callable[[sqlite3.Connection], T]) -> T:
        assert self._reader is not None
        try:
            return work(self._reader)
        except sqlite3.Error as error:
            raise explain(error, self.path) from error

    async def _run(self, pool: ThreadPoolExecutor, call: Callable[..., T], *args: object) -> T:
        # A cancelled caller must not leave a half-done batch unobserved: the thread finishes it.
        with anyio.CancelScope(shield=True):
            result = await asyncio.get_running_loop().run_in_executor(pool, call, *args)
        return result  # noqa: RET504 - mypy cannot know that the scope swallows nothing

    def close(self) -> None:
        """Finish what runs, fold the log into the file, close both."""
        self._write_thread.shutdown()
        self._read_thread.shutdown()
        if self._reader is not None:
            self._reader.close()
        if self._writer is not None:
            self._writer.close()
        if self._files is not None:
            self._files.close()
        self._reader = self._writer = self._files = None
