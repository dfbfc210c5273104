"""The store in one SQLite file, behind a group-commit journal; see `mindbot.domain.ports.store`."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread

from mindbot.config.sections import StoreSettings
from mindbot.domain import ids
from mindbot.domain.errors import StoreCorrupt, StoreError, StoreGone
from mindbot.domain.ports.store import SPENDING_KEPT, Anew, GivenUp, Live
from mindbot.domain.shapes.instruments import SqlAnswerJson
from mindbot.store import anew, backup, changes, indexes, recovery, spending, traces, troubles
from mindbot.store.database import Database
from mindbot.store.finder.finder import Finder
from mindbot.store.history import SqliteHistory
from mindbot.store.inbox import SqliteInbox
from mindbot.store.journal import Journal
from mindbot.store.keep import SqliteKeep
from mindbot.store.lock import one_user
from mindbot.store.outbox import SqliteOutbox
from mindbot.store.spending import SqliteSpending
from mindbot.store.turns import SqliteTurns
from mindbot.store.unreadable import Unreadable
from mindbot.store.upgrade import ensure
from mindbot.store.workers import next_worker

if TYPE_CHECKING:
    from mindbot.store.queries import SqliteQueries

#: Told of each failure to write, and (None) when it can again.
OnState = Callable[[StoreError | None], None]


def configured(settings: StoreSettings, state_dir: Path, *, from_now: bool, on_state: OnState) -> SqliteStore:
    """Make the store that the configuration describes."""
    return SqliteStore(
        settings.path(state_dir),
        interval=settings.commit_interval,
        rows=settings.commit_rows,
        on_state=on_state,
        from_now=from_now,
        resume=settings.restored == "resume",
    )


class SqliteStore:
    """See the port. Use `opened`, or `open` to make one and open it."""

    def __init__(
        self,
        path: Path,
        *,
        interval: float = 0.005,
        rows: int = 500,
        pragmas: tuple[str, ...] = (),
        on_state: OnState | None = None,
        from_now: bool = False,
        resume: bool = False,
    ) -> None:
        """What a restored database has open is put away (`mindbot.store.anew`), unless ``resume``;
        ``from_now`` does so with any."""
        self.path = path
        self.unreadable = unreadable = Unreadable()
        self.anew = Anew()
        self._put_away = partial(anew.begin, from_now=from_now, resume=resume, unreadable=unreadable)
        self._database = database = Database(path, pragmas=pragmas)
        self._journal = journal = Journal(database, interval=interval, rows=rows, on_state=on_state)
        self.inbox = SqliteInbox(database, journal, unreadable)
        self.history = SqliteHistory(database, unreadable)
        self.finder = Finder(database, journal)
        self.turns = SqliteTurns(database, journal, self.history, self.finder, unreadable)
        self.outbox = SqliteOutbox(database, journal, unreadable)
        self.keep = SqliteKeep(database, journal, unreadable)
        self.spending = SqliteSpending(database, journal)
        self._asking: anyio.CapacityLimiter | None = None
        self._queries: SqliteQueries | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path, **settings: Any) -> AsyncIterator[SqliteStore]:
        """Make a store and have it `opened`."""
        store = cls(path, **settings)
        async with store.opened():
            yield store

    @property
    def place(self) -> str:
        """See the port."""
        return str(self.path)

    @property
    def batches(self) -> int:
        """See the port."""
        return self._journal.batches

    @property
    def found_back_to(self) -> float | None:
        """See the port."""
        return self.finder.back_to

    @property
    def damage(self) -> str:
        """See the port."""
        return "; ".join(filter(None, (self.unreadable.words, self._database.mended)))

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """See the port. Brings the schema up to date first."""
        with one_user(self.path):
            await anyio.to_thread.run_sync(ensure, self.path)
            try:
                await self._database.open()
                await self._begin()
                async with anyio.create_task_group() as tasks:
                    for part in (self._journal, self.history, self.inbox, self.turns, self.finder):
                        tasks.start_soon(part.run)
                    try:
                        yield
                    finally:
                        tasks.cancel_scope.cancel()
            finally:
                with anyio.CancelScope(shield=True):
                    if self._queries is not None:
                        await self._queries.close()
                        self._queries = None
                    await self.finder.close()
                    await anyio.to_thread.run_sync(self._database.close)

    async def _begin(self) -> None:
        with suppress(StoreCorrupt):  # what is damaged for good is read and changed row by row
            await self._database.write(indexes.try_open_rows)
        ids.follow(await self._database.read(recovery.newest))
        worker, self.anew = await self._database.write_apart(self._take_over)
        ids.work_as(worker)
        await self.history.load()

    def _take_over(self, db: sqlite3.Connection) -> tuple[int, Anew]:
        return next_worker(db, self.unreadable), self._put_away(db)

    async def queries(self, live: Live) -> SqliteQueries:
        """See the port. SQLAlchemy's async side is imported at the first one, in a thread."""
        if self._queries is None:
            await anyio.to_thread.run_sync(partial(__import__, "mindbot.store.queries"))
            from mindbot.store.queries import SqliteQueries

            self._queries = self._queries or SqliteQueries(self.path, live, self.unreadable, self.finder)
        return self._queries

    async def check(self) -> None:
        """See the port: the files must be those that were opened."""
        await self._database.check()

    async def probe(self) -> None:
        """See the port."""

        def work(db: sqlite3.Connection) -> None:
            db.execute("INSERT INTO memo (turn, step, result) VALUES (0, 'probe', ?)", ("x" * 8192,))
            db.execute("DELETE FROM memo WHERE turn = 0")

        await self._database.write(work)

    async def purge(self, older_than: float, limit: int = 2000) -> int:
        """See the port."""
        change = partial(changes.purge, older_than=older_than, limit=limit)
        return await self._database.write(change)

    async def thin_traces(self, after: int, before: int, limit: int = 200) -> int | None:
        """See the port."""
        return await self._database.write(partial(traces.thin, after=after, before=before, limit=limit))

    async def weigh_traces(self, below: int, limit: int = 500) -> list[tuple[int, int]]:
        """See the port."""
        return await self._database.read(partial(traces.weigh, below=below, limit=limit))

    async def purge_kept(self, limit: int = 2000) -> int:
        """See the port."""
        now = time.time()
        gone = await self._database.write(partial(changes.purge_kept, now=now, limit=limit))
        before = date.fromtimestamp(now - SPENDING_KEPT).isoformat()
        old = await self._database.write(partial(spending.purge, before=before, limit=limit))
        return max(gone, old)

    async def given_up(self) -> GivenUp:
        """See the port. A count that nobody waits for any more ends by itself, on a connection of its own."""
        return await anyio.to_thread.run_sync(troubles.count, self.path, abandon_on_cancel=True)

    async def dead_turns(self) -> int:
        """See the port."""
        return await anyio.to_thread.run_sync(troubles.dead_turns, self.path, abandon_on_cancel=True)

    async def failed(self, since: float, limit: int) -> list[int]:
        """See the port."""
        read = partial(troubles.failed, self.path, since, limit)
        return await anyio.to_thread.run_sync(read, abandon_on_cancel=True)

    async def ended(self, since: float, before: float) -> dict[int, tuple[int, int]]:
        """See the port."""
        read = partial(troubles.ended, self.path, since, before)
        return await anyio.to_thread.run_sync(read, abandon_on_cancel=True)

    async def reached(self, sessions: Sequence[str], since: float) -> dict[tuple[str, str], int]:
        """See the port."""
        read = partial(troubles.reached, self.path, sessions, since)
        return await anyio.to_thread.run_sync(read, abandon_on_cancel=True)

    async def query(self, sql: str, limit: int, timeout: float) -> SqlAnswerJson:
        """See the port. One question at a time, in a thread and on a connection of its own."""
        from mindbot.store.sql import ask

        if self._asking is None:
            self._asking = anyio.CapacityLimiter(1)
        return await anyio.to_thread.run_sync(
            ask, self.path, sql, limit, timeout, limiter=self._asking, abandon_on_cancel=True
        )

    async def backup(self, target: Path) -> None:
        """See the port. Reads wait meanwhile only where the file is gone: the open one is all there is."""
        try:
            await self.check()
        except StoreGone:
            await self._database.read(lambda db: backup.copy_open(db, target))
        else:
            await anyio.to_thread.run_sync(backup.copy, self.path, target)
