"""The finder: a file beside the database that knows which turns may be what is asked for.

It holds nothing that the database does not. It is filled in the background, so that the way of a message
costs no more; what is not in it yet is looked through. One that is damaged, of another database or of another
version is made again.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import anyio
import anyio.to_thread
import orjson
import structlog

from mindbot.config.paths import give_to_owner
from mindbot.domain import ids
from mindbot.domain.errors import StoreError
from mindbot.domain.needs import Need
from mindbot.store import backup
from mindbot.store.database import Database, as_text, damaged
from mindbot.store.finder.asking import May, SeenTurns
from mindbot.store.finder.filling import Filling
from mindbot.store.journal import Journal
from mindbot.store.unreadable import ODD

log = structlog.get_logger("mindbot.store")

T = TypeVar("T")

STEP = 50  # turns taken in at once: some hundredths of a second
_FIRST = 1.0  # seconds after a start until anything is done: a start is busy enough
_IDLE = 1.0  # seconds between looks for what is new
_BUSY = 200  # commits a second from which the file waits
_FORGET = 60.0  # seconds between looks for what is gone
_AGAIN = 60.0  # seconds until a file is tried again that could not be used
_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=2000", "cache_size=-4000")


def finder_file(database: Path) -> Path:
    """Return where a database's finder is."""
    return database.with_name(f"{database.name}.finder")


class Finder:
    """Run `run` in a task group while it is used, then `close` it."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self.path = finder_file(database.path)
        self._database = database
        self._journal = journal
        self._fill: ThreadPoolExecutor
        self._ask: ThreadPoolExecutor
        self._make_threads()
        self._fill_open: list[sqlite3.Connection] = []
        self._ask_open: list[sqlite3.Connection] = []
        self._opening = anyio.Lock()
        self._filling: Filling | None = None
        self._asking: SeenTurns | None = None
        self.highest = ids.LAST  # no turn above it is in the file
        #: How far back it leads (Unix seconds); 0: to the first turn, None: nowhere.
        self.back_to: float | None = None
        #: Turns that an operator is changing.
        self._changing: list[int] = []
        self._committed = -1
        self._forgot = -_FORGET

    def _make_threads(self) -> None:
        self._fill = ThreadPoolExecutor(1, thread_name_prefix="finder-fill")
        self._ask = ThreadPoolExecutor(1, thread_name_prefix="finder-ask")

    async def run(self) -> None:
        """Keep the file up to date until cancelled."""
        pause = _FIRST
        while True:
            await anyio.sleep(pause)
            before, began = self._journal.committed, time.monotonic()
            more = await self.try_step()
            took = time.monotonic() - began
            busy = self._journal.committed - before > _BUSY * max(took, 0.05)
            pause = _AGAIN if more is None else 1.5 * took if more and not busy else _IDLE

    async def try_step(self) -> bool | None:
        """As `step`; None where the file cannot be used, and is put away. While the store fails it rests."""
        try:
            return await self.step()
        except StoreError:
            return False  # the store tells of it
        except (sqlite3.Error, OSError) as error:
            await self._failed(error)
            return None

    async def step(self) -> bool:
        """Take in some turns; tells whether there are more.

        Raises:
            StoreError: the store cannot be read, or not be written.
            sqlite3.Error, OSError: the file cannot be used.
        """
        filling = await self._opened()
        new = 0
        if self._journal.committed != self._committed:
            bound = await self._bound()
            new = await self._run(self._fill, filling.upwards, bound, STEP)
            new += await self._run(self._fill, filling.look_again, STEP, tuple(self._changing))
            if new < STEP:
                self._committed = self._journal.committed
        old = await self._run(self._fill, filling.downwards, STEP) if new < STEP else 0
        lowest, self.highest = await self._run(self._fill, lambda: filling.span)
        self.back_to = ids.moment(lowest) if lowest > 1 else 0.0
        if time.monotonic() - self._forgot > _FORGET:
            await self.forget()
            self._forgot = time.monotonic()
        return new >= STEP or old >= STEP

    async def forget(self) -> None:
        """Forget what the store has no more; raises as `step`."""
        filling = await self._opened()
        gone = 1
        while gone:
            gone = await self._run(self._fill, filling.forget)

    async def _bound(self) -> int:
        """Return an id that all turns which are not on disk by now are above."""
        bound = ids.new_id()
        await self._journal.commit({})
        return bound

    @asynccontextmanager
    async def changing(self, turn: int) -> AsyncIterator[None]:
        """Have a turn looked at that is changed in the block, which had ended already.

        Where the file cannot learn that, it is made again, and the turn is changed only once that is sure.

        Raises:
            StoreError: it is not sure.
        """
        self._changing.append(turn)
        try:
            try:
                filling = await self._opened()
                await self._run(self._fill, filling.change, turn)
            except (sqlite3.Error, OSError) as error:
                await self._failed(error, outdated=True)
            yield
        finally:
            self._changing.remove(turn)
            self._committed = -1

    async def may(self, need: Need, below: int, most: int) -> May | None:
        """Return the turns below an id that may have what is needed; None: any turn there may."""
        if self._filling is None:
            return None
        try:
            return await self._run(self._ask, self._may, need, below, most)
        except (sqlite3.Error, OSError) as error:
            await self._failed(error)
            return None

    def _may(self, need: Need, below: int, most: int) -> May | None:
        if self._asking is None:
            db = self._connect(self._ask_open)
            db.execute("PRAGMA query_only=ON")
            db.execute("ATTACH ? AS kept", (f"file:{quote(str(self._database.path))}?mode=ro",))
            self._asking = SeenTurns(db)
        return self._asking.between(need, below, most)

    # --- the file

    async def _opened(self) -> Filling:
        """Return the file, opened at the first call: the one that is there, or a new one.

        A mark that is in both says that the file is this database's, and was not left behind by it: each
        process writes another one.
        """
        async with self._opening:
            if self._filling is not None:
                return self._filling
            text = await self._database.read(lambda db: backup.noted(db, backup.FINDER))
            mark, fresh = _mark(text), secrets.token_hex(8)
            bound = await self._bound()
            try:
                filling = await self._run(self._fill, self._take, mark, fresh, bound)
                await self._database.write(lambda db: backup.note(db, backup.FINDER, {"mark": fresh}))
                await self._run(self._fill, filling.marked, fresh, fresh)
            except BaseException:
                await self._run(self._fill, self._drop_fill)
                raise
            self._filling = filling
            return filling

    def _take(self, mark: str, fresh: str, bound: int) -> Filling:
        kept = backup.reading(self._database.path)
        self._fill_open.append(kept)
        kept.text_factory = as_text
        if self.path.exists():
            filling = Filling(self._connect(self._fill_open), kept, self._database.path)
            if mark and filling.is_of(mark):
                filling.marked(mark, fresh)
                return filling
            self._fill_open.pop().close()
        backup.remove(self.path)
        os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        give_to_owner(self.path)
        filling = Filling(self._connect(self._fill_open), kept, self._database.path)
        filling.begin(bound)
        filling.marked(mark, fresh)
        return filling

    def _connect(self, opened: list[sqlite3.Connection]) -> sqlite3.Connection:
        db = sqlite3.connect(f"file:{quote(str(self.path))}?mode=rw", uri=True, isolation_level=None)
        opened.append(db)
        for pragma in _PRAGMAS:
            db.execute(f"PRAGMA {pragma}")
        return db

    async def _failed(self, error: Exception, *, outdated: bool = False) -> None:
        """Put the file away: a damaged or outdated one for good, another one until it is tried again.

        That of an outdated one is on disk when this returns; raises StoreError where it could not be written.
        """
        async with self._opening:
            await self._drop()
            if outdated:  # without the database's mark no process takes it for its own
                await self._database.write(lambda db: backup.forget(db, backup.FINDER))
            log.warning(
                "the finder cannot be used; turns are looked through instead",
                file=str(self.path),
                error=str(error),
                hint="it is made again by itself; has its disk room?",
            )
            if isinstance(error, sqlite3.Error) and _useless(error):
                with suppress(OSError):
                    await anyio.to_thread.run_sync(backup.remove, self.path)

    async def _drop(self) -> None:
        self._filling, self.highest, self.back_to = None, ids.LAST, None
        await self._run(self._ask, self._drop_ask)
        await self._run(self._fill, self._drop_fill)

    def _drop_ask(self) -> None:
        self._asking = None
        _close(self._ask_open)

    def _drop_fill(self) -> None:
        _close(self._fill_open)

    async def close(self) -> None:
        """Close the file. It may be used again."""
        await self._drop()
        for pool in (self._fill, self._ask):
            await anyio.to_thread.run_sync(pool.shutdown)
        self._make_threads()

    async def _run(self, pool: ThreadPoolExecutor, call: Callable[..., T], *args: object) -> T:
        with anyio.CancelScope(shield=True):  # what a thread has begun is waited for
            result = await asyncio.get_running_loop().run_in_executor(pool, partial(call, *args))
        return result  # noqa: RET504 - mypy cannot know that the scope swallows nothing


def _mark(text: str | None) -> str:
    """Return the mark that a database has, empty where it has none that can be read."""
    try:
        return str(orjson.loads(text or "{}").get("mark", ""))
    except ODD:
        return ""


def _useless(error: sqlite3.Error) -> bool:
    return damaged(error) or getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_NOTADB


def _close(opened: list[sqlite3.Connection]) -> None:
    while opened:
        opened.pop().close()
