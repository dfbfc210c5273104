"""Group commit: many callers, one transaction, one fsync.

While a batch is being written the next one gathers; an idle journal commits at once. A busy one lingers up
to ``interval`` seconds or ``rows`` rows, so that a batch is worth its fsync. None is much larger than that.

Sums are for nobody to wait for: they go with the next batch, added up, so that many calls are few rows.
"""

from __future__ import annotations

import asyncio
import math
import sqlite3
from collections.abc import Callable, Iterable
from operator import add
from typing import Any

import anyio
import orjson
import structlog

from mindbot.domain.errors import StoreError, StoreGone
from mindbot.store.database import Database

log = structlog.get_logger("mindbot.store")

Row = list[Any]
_LINGER = 0.05  # seconds that sums wait for a batch to go with: the end of their turn is about to come
_AGAIN = 1.0  # seconds until sums alone are tried again, after a failure

#: A JSON array of rows, as bytes: a text of them would be made and encoded again, at four times the size.
_ROWS = "json_each(CAST(? AS TEXT))"
#: The statement a row belongs to, in the order they run inside a batch.
STATEMENTS: dict[str, str] = {
    "put": f"""
        INSERT INTO turns (id, platform, bot, key, session, sender, partition, state, received, message)
        SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, 'queued',
               value->>7, value->>8 FROM {_ROWS} WHERE true ON CONFLICT DO NOTHING""",
    "memo": f"""
        INSERT INTO memo (turn, step, result)
        SELECT value->>0, value->>1, value->2 FROM {_ROWS} WHERE true
        ON CONFLICT DO UPDATE SET result = excluded.result""",
    "begin": f"""
        UPDATE turns SET attempt = r.value->>1 FROM {_ROWS} AS r WHERE turns.id = r.value->>0""",
    "finish": f"""
        UPDATE turns SET state = r.value->>1, finished = r.value->>2, reason = r.value->>3,
               record = iif(json_valid(record) AND json_type(record, '$.notes') = 'array',
                            json_set(r.value->>4, '$.notes', json_extract(record, '$.notes')), r.value->>4)
        FROM {_ROWS} AS r WHERE turns.id = r.value->>0""",
    "forget": f"DELETE FROM memo WHERE turn IN (SELECT value FROM {_ROWS})",
    "enqueue": f"""
        INSERT INTO outbox (turn, n, platform, bot, session, address, parts, state, attempts, created, ended,
                            kind)
        SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7,
               value->>8, value->>9, value->>10, value->>11 FROM {_ROWS} WHERE true
        ON CONFLICT DO NOTHING""",
    "settle": f"""
        UPDATE outbox SET parts = r.value->>2, state = r.value->>3, attempts = r.value->>4,
               notes = r.value->>5
        FROM {_ROWS} AS r WHERE outbox.turn = r.value->>0 AND outbox.n = r.value->>1""",
    "deliver": f"""
        UPDATE outbox SET state = r.value->>2, attempts = r.value->>3, again = r.value->>4,
               next_at = r.value->>5, error = r.value->>6, sent_id = r.value->>7,
               notes = CASE WHEN r.value->>8 IS NULL THEN notes
                       WHEN json_valid(notes) THEN json_patch(notes, r.value->>8)
                       ELSE r.value->>8 END,
               ended = r.value->>9
        FROM {_ROWS} AS r WHERE outbox.turn = r.value->>0 AND outbox.n = r.value->>1""",
    "keep": f"""
        INSERT OR REPLACE INTO keep (platform, bot, key, value, ends)
        SELECT value->>0, value->>1, value->>2, value->>3, value->>4 FROM {_ROWS}""",
    "spend": f"""
        INSERT INTO spending ("by", who, day, calls, input_tokens, output_tokens, cached_tokens, money)
        SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7
        FROM {_ROWS} WHERE true
        ON CONFLICT DO UPDATE SET calls = calls + excluded.calls,
               input_tokens = input_tokens + excluded.input_tokens,
               output_tokens = output_tokens + excluded.output_tokens,
               cached_tokens = cached_tokens + excluded.cached_tokens, money = money + excluded.money""",
}
_ORDER = tuple(STATEMENTS)
_FIND = f"""
    SELECT r.value->>0, t.id FROM {_ROWS} AS r
    JOIN turns AS t ON t.platform = r.value->>1 AND t.bot = r.value->>2 AND t.key = r.value->>3"""

Rows = dict[str, list[Row]]


class _BadRows(StoreError):
    """These rows cannot be written; the store itself is well."""


class _Entry:
    __slots__ = ("done", "rows")

    def __init__(self, rows: Rows, done: asyncio.Future[dict[int, int]]) -> None:
        self.rows = rows
        self.done = done


class Journal:
    """Collects rows and commits them together. Run `run` in a task group while it is used."""

    def __init__(
        self,
        database: Database,
        *,
        interval: float = 0.005,
        rows: int = 500,
        on_state: Callable[[StoreError | None], None] | None = None,
    ) -> None:
        self._database = database
        self._interval = interval
        self._limit = rows
        self._on_state = on_state
        self._entries: list[_Entry] = []
        self._later: dict[int, list[Row]] = {}
        self._sums: dict[tuple[str, str, str], Row] = {}
        self._adding = False  # sums are being written
        #: Turns that may have memo rows on disk.
        self.remembered: set[int] = set()
        self._waiting = 0
        self._wake = anyio.Event()
        self._enough = anyio.Event()
        self._failed = False
        self._closed = False
        #: Turns that got no acknowledgement and may be on disk all the same: nobody runs them.
        self.doubtful: list[int] = []
        self.batches = 0
        self.committed = 0

    async def commit(self, rows: Rows) -> dict[int, int]:
        """Write the rows in one transaction, together with whatever else is waiting.

        Returns: for each ``put`` row whose message was there already, its id mapped to the older turn's id.

        Raises:
            StoreError: nothing of these rows was written.
        """
        self._check_open()
        entry = _Entry(rows, asyncio.get_running_loop().create_future())
        self._entries.append(entry)
        self._waiting += sum(map(len, rows.values()))
        self._wake.set()
        if self._waiting >= self._limit:
            self._enough.set()
        return await entry.done

    def spend(self, rows: Iterable[Row]) -> None:
        """Add rows to the sums, in the same transaction as whatever is committed next; raises StoreError."""
        self._check_open()
        if not self._sums:
            self._wake.set()
        for row in rows:
            there = self._sums.setdefault((row[0], row[1], row[2]), row)
            if there is not row:
                there[3:] = map(add, there[3:], row[3:])

    async def settled(self) -> None:
        """Wait until the sums so far are on disk; raises StoreError."""
        if self._sums or self._adding:
            await self.commit({})

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("the store is closed", hint="the daemon is stopping")

    def remember(self, turn: int, row: Row) -> None:
        """Write a memo row with the next batch, unless the turn ends first: then it has no use.

        What was written before stays, but for a trail, which is always the last one.
        """
        self._later.setdefault(turn, []).append(row)
        self._wake.set()

    def forget(self, turn: int) -> None:
        """Drop memo rows not written yet."""
        self._later.pop(turn, None)

    async def run(self) -> None:
        """Write batches until cancelled; on the way out what is waiting is still written."""
        size = 0
        try:
            while True:
                await self._something()
                if size > 8 and self._waiting < self._limit:
                    self._enough = anyio.Event()
                    with anyio.move_on_after(self._interval):
                        await self._enough.wait()
                size = await self._flush()
        finally:
            with anyio.CancelScope(shield=True):
                while self._entries or self._later:
                    await self._flush()
                if self._sums:
                    await self._flush()
            self._closed = True
            if self._sums:
                log.warning("sums of what was spent are not on disk", sums=len(self._sums))

    async def _something(self) -> None:
        """Wait until something is to be written; sums wait a little for what comes after them."""
        while not self._entries and not self._later:
            self._wake = anyio.Event()
            patience = (_AGAIN if self._failed else _LINGER) if self._sums else math.inf
            with anyio.move_on_after(patience):
                await self._wake.wait()
                continue
            return

    async def _flush(self) -> int:
        entries = self._next()
        later, self._later = self._later, {}
        sums, self._sums = self._sums, {}
        self.remembered.update(later)
        extra: Rows = {"memo": [row for rows in later.values() for row in rows], "spend": [*sums.values()]}
        self._adding = bool(sums)
        try:
            await self._write(entries, extra)
        except StoreError as error:
            if not isinstance(error, _BadRows):
                self._report(error)
            self._doubt(entries, error)
            await self._keep_sums(sums, error)
            if len(entries) + bool(sums) > 1 and not error.passes:
                # One bad row, or damaged page, must not fail its neighbours: write each caller's rows alone.
                for entry in entries:
                    await self._alone(entry)
            else:
                for entry in entries:
                    _fail(entry, error)
        else:
            if later or sums or any(entry.rows for entry in entries):  # an empty one proves nothing
                self._report(None)
        finally:
            self._adding = False
        return sum(len(rows) for e in entries for rows in e.rows.values())

    def _next(self) -> list[_Entry]:
        """Take what goes into one batch: what a stall of the disk has gathered is not encoded all at once."""
        rows = taken = 0
        while taken < len(self._entries) and rows < self._limit:
            rows += sum(map(len, self._entries[taken].rows.values()))
            taken += 1
        entries, self._entries = self._entries[:taken], self._entries[taken:]
        self._waiting -= rows
        return entries

    async def _alone(self, entry: _Entry) -> None:
        try:
            await self._write([entry], {})
        except StoreError as error:
            self._doubt([entry], error)
            _fail(entry, error)

    async def _keep_sums(self, sums: dict[tuple[str, str, str], Row], error: StoreError) -> None:
        """Keep sums for the next batch, but for those in a file that is gone or that cannot be written."""
        if isinstance(error, StoreGone) and error.written:
            return
        if error.passes:
            newer, self._sums = self._sums, sums
            self.spend(newer.values())
            return
        lost = 0
        for place, row in sums.items():
            # As with the rows of callers: a bad sum, or a damaged page, costs nobody else's.
            try:
                await self._write([], {"spend": [row]})
            except StoreError as again:
                if again.passes:
                    await self._keep_sums({place: row}, again)
                else:
                    lost, error = lost + 1, again
        if lost:
            log.warning("sums of what was spent cannot be written", sums=lost, error=str(error))

    def _doubt(self, entries: list[_Entry], error: StoreError) -> None:
        if isinstance(error, StoreGone) and error.written:
            self.doubtful += [row[0] for entry in entries for row in entry.rows.get("put", ())]

    async def _write(self, entries: list[_Entry], extra: Rows) -> None:
        merged: Rows = {name: list(rows) for name, rows in extra.items()}
        for entry in entries:
            for name, rows in entry.rows.items():
                merged.setdefault(name, []).extend(rows)
        try:
            batch = [(n, len(merged[n]), orjson.dumps(merged[n])) for n in _ORDER if merged.get(n)]
        except TypeError as error:
            raise _BadRows(f"not plain JSON: {error}") from error

        def work(db: sqlite3.Connection) -> dict[int, int]:
            repeated: dict[int, int] = {}
            for name, count, rows in batch:
                changed = db.execute(STATEMENTS[name], (rows,)).rowcount
                if name == "put" and changed < count:
                    found = dict(db.execute(_FIND, (rows,)).fetchall())
                    if len(found) < count:
                        raise _BadRows("two turns got one id")
                    repeated = {mine: there for mine, there in found.items() if mine != there}
            return repeated

        repeated = await self._database.write(work)
        self.batches += 1
        for entry in entries:
            self.committed += 1
            if not entry.done.done():
                entry.done.set_result(repeated)

    def _report(self, error: StoreError | None) -> None:
        if self._on_state is not None and (error is not None or self._failed):
            self._on_state(error)
        self._failed = error is not None


def _fail(entry: _Entry, error: StoreError) -> None:
    if not entry.done.done():
        entry.done.set_exception(error)
