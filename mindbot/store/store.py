"""The store as the rest of MindBot sees it: turns in, turns out, deliveries on their way."""

from __future__ import annotations

import sqlite3
import time
import zlib
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import orjson

from mindbot.domain import ids
from mindbot.domain.delivery import Delivery
from mindbot.domain.errors import StoreError
from mindbot.domain.message import Json, Message, Part
from mindbot.domain.turn import Span, Turn
from mindbot.store.database import Database
from mindbot.store.journal import Journal, Row, Rows
from mindbot.store.reads import GroupRead
from mindbot.store.upgrade import ensure

PARTITIONS = 256
SESSIONS_KEPT = 5_000  # whose last exchanges stay in memory

Exchange = tuple[str, str]  # what the user wrote, what was answered


def partition_of(session: str) -> int:
    """Return the partition of a session, 0 to 255, the same in every process."""
    return zlib.crc32(session.encode()) % PARTITIONS


def pack_spans(spans: Iterable[Span]) -> list[Row]:
    """Return spans as short rows, half the size of objects; times in whole microseconds."""
    return [
        [s.id, s.parent, s.kind, s.name, int(s.start * 1e6), int(s.took * 1e6), s.status, s.data or None]
        for s in spans
    ]


def unpack_spans(rows: Iterable[Row]) -> list[Span]:
    """Read `pack_spans` back."""
    return [Span(a, b, c, d, e / 1e6, f / 1e6, g, h or {}) for a, b, c, d, e, f, g, h in rows]


def _record(turn: Turn) -> Json:
    return {
        "route": turn.route,
        "vars": {k: v for k, v in turn.vars.items() if not k.startswith("_")},
        "reply": [p.to_json() for p in turn.reply.parts],
        "spans": pack_spans(turn.spans),
    }


def _enqueue_row(d: Delivery) -> Row:
    parts = [p.to_json() for p in d.parts]
    return [
        d.turn,
        d.n,
        d.platform,
        d.bot,
        d.session,
        d.to,
        parts,
        d.state,
        d.attempts,
        d.created,
        d.ended or None,
    ]


class Store:
    """SQLite behind a group-commit journal. Use `open`."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self.journal = journal
        self._past = GroupRead(database, _HISTORY)
        self._history: OrderedDict[str, deque[Exchange]] = OrderedDict()
        #: Turns that may have memo rows on disk.
        self._remembered: set[int] = set()

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        path: Path,
        *,
        interval: float = 0.005,
        rows: int = 500,
        pragmas: tuple[str, ...] = (),
        on_state: Callable[[StoreError | None], None] | None = None,
    ) -> AsyncIterator[Store]:
        """Bring the schema up to date and open the file for the length of the block.

        Raises:
            StoreError: the file cannot be opened, is damaged, locked, or newer than this program.
        """
        await anyio.to_thread.run_sync(ensure, path)
        database = Database(path, pragmas=pragmas)
        await database.open()
        journal = Journal(database, interval=interval, rows=rows, on_state=on_state)
        store = cls(database, journal)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(journal.run)
                tasks.start_soon(store._past.run)
                try:
                    yield store
                finally:
                    tasks.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(database.close)

    @property
    def path(self) -> Path:
        return self._database.path

    # --- inbox

    async def put(self, message: Message) -> tuple[Turn, bool]:
        """Write an inbound message; returns its turn and whether the message had been there before.

        Raises:
            StoreError: it is not on disk; the platform must not get its ack.
        """
        number = ids.new_id()
        row: Row = [
            number,
            message.platform,
            message.bot,
            message.key,
            message.session,
            message.sender,
            partition_of(message.session),
            message.received,
            message.to_json(),
        ]
        repeated = await self.journal.commit({"put": [row]})
        if repeated and number in repeated:
            return Turn(repeated[number], message), True
        return Turn(number, message), False

    async def recover(self) -> list[Turn]:
        """Return open turns, oldest first, and count the attempt on disk before anything runs again."""

        def work(db: sqlite3.Connection) -> list[tuple[Any, ...]]:
            db.execute(f"UPDATE turns SET attempt = attempt + 1 WHERE {_OPEN}")
            return db.execute(f"SELECT id, message, attempt FROM turns WHERE {_OPEN} ORDER BY id").fetchall()

        turns = [
            Turn(number, Message.from_json(orjson.loads(message)), attempt=attempt)
            for number, message, attempt in await self._database.write(work)
        ]
        if turns:
            memo = await self._database.read(
                lambda db: db.execute("SELECT turn, step, result FROM memo").fetchall()
            )
            by_id = {turn.number: turn for turn in turns}
            for number, step, result in memo:
                self._remembered.add(number)
                if number in by_id:
                    by_id[number].memo[step] = orjson.loads(result)
        return turns

    async def queued_after(self, number: int, limit: int) -> list[Turn]:
        """Return turns that were put after ``number`` and wait on disk, oldest first."""
        rows = await self._database.read(
            lambda db: db.execute(
                f"SELECT id, message, attempt FROM turns WHERE {_OPEN} AND id > ? ORDER BY id LIMIT ?",
                (number, limit),
            ).fetchall()
        )
        return [Turn(n, Message.from_json(orjson.loads(m)), attempt=a) for n, m, a in rows]

    # --- turns

    async def finish(self, turn: Turn, deliveries: list[Delivery]) -> None:
        """Write the end of a turn and its deliveries in one transaction.

        Raises:
            StoreError: nothing of it was written.
        """
        rows: Rows = {
            "finish": [[turn.number, turn.state, turn.finished, turn.reason or None, _record(turn)]]
        }
        if deliveries:
            rows["enqueue"] = [_enqueue_row(d) for d in deliveries]
        self.journal.forget(turn.number)
        if turn.number in self._remembered:
            rows["forget"] = [turn.number]  # type: ignore[list-item]
            self._remembered.discard(turn.number)
        await self.journal.commit(rows)
        known = self._history.get(turn.session)
        if known is not None and turn.state == "answered":
            known.append((turn.message.text, turn.reply.text))

    async def once(self, turn: Turn, key: str, step: Callable[[], Any]) -> Json:
        """Return the recorded result of a step, or run it and record what it returned (``ports.Memo``)."""
        if key in turn.memo:
            return turn.memo[key]  # type: ignore[no-any-return]
        result: Json = await step()
        turn.memo[key] = result
        self._remembered.add(turn.number)
        self.journal.remember(turn.number, [turn.number, key, result])
        return result

    async def history(self, session: str, before: int, turns: int) -> list[Json]:
        """Return the last exchanges of a session, oldest first, as ``{"role", "content"}``."""
        known = self._history.get(session)
        if known is None or known.maxlen != turns:
            known = deque(maxlen=turns)
            for message, reply in reversed(await self._past.get([session, before, turns])):
                said = "\n".join(Part.from_json(p).text for p in orjson.loads(reply or "[]"))
                known.append((Message.from_json(orjson.loads(message)).text, said))
            self._history[session] = known
            if len(self._history) > SESSIONS_KEPT:
                self._history.popitem(last=False)
        else:
            self._history.move_to_end(session)
        lines: list[Json] = []
        for text, said in known:
            lines.append({"role": "user", "content": text})
            if said:
                lines.append({"role": "assistant", "content": said})
        return lines

    # --- outbox

    async def enqueue(self, deliveries: list[Delivery]) -> None:
        """Write deliveries that belong to no turn (a proactive message)."""
        await self.journal.commit({"enqueue": [_enqueue_row(d) for d in deliveries]})

    async def mark(self, d: Delivery) -> None:
        """Write a delivery's new state."""
        row: Row = [d.turn, d.n, d.state, d.attempts, int(d.again), d.next_at]
        row += [d.error or None, d.sent_id or None, d.notes or None, d.ended or None]
        await self.journal.commit({"deliver": [row]})

    async def open_deliveries(self) -> list[Delivery]:
        """Return what is not sent and not dead, in order. What was being sent is now ``unknown``."""

        def work(db: sqlite3.Connection) -> list[tuple[Any, ...]]:
            db.execute("UPDATE outbox SET state = 'unknown', again = 1 WHERE state = 'sending'")
            return db.execute(
                f"SELECT {_DELIVERY} FROM outbox WHERE state IN ('pending', 'unknown') ORDER BY turn, n"
            ).fetchall()

        return [delivery_of(row) for row in await self._database.write(work)]

    async def delivery(self, turn: int, n: int) -> Delivery | None:
        """Return one delivery."""
        sql = f"SELECT {_DELIVERY} FROM outbox WHERE turn = ? AND n = ?"
        row = await self._database.read(lambda db: db.execute(sql, (turn, n)).fetchone())
        return delivery_of(row) if row else None

    async def requeue(self, turn: int) -> Turn | None:
        """Make a failed or dead turn ``queued`` again; None when it is neither. What it sent is forgotten."""

        def work(db: sqlite3.Connection) -> tuple[Any, ...] | None:
            row = db.execute(
                "UPDATE turns SET state = 'queued', attempt = 1, finished = NULL, reason = NULL, "
                "record = NULL WHERE id = ? AND state IN ('failed', 'dead') RETURNING message",
                (turn,),
            ).fetchone()
            if row is not None:
                db.execute(
                    "DELETE FROM outbox WHERE turn = ? AND state IN ('sent', 'dead', 'discarded')", (turn,)
                )
            return row  # type: ignore[no-any-return]

        row = await self._database.write(work)
        return Turn(turn, Message.from_json(orjson.loads(row[0]))) if row else None

    async def discard(self, turn: int) -> bool:
        """Make a dead turn ``dropped``; false when it is not dead."""
        note = "reason = reason || '; discarded'"
        sql = f"UPDATE turns SET state = 'dropped', {note} WHERE id = ? AND state = 'dead'"
        return await self._database.write(lambda db: db.execute(sql, (turn,)).rowcount) == 1

    async def purge(self, older_than: float, limit: int = 2000) -> int:
        """Delete up to ``limit`` turns that ended, received before ``older_than`` (Unix seconds)."""

        def work(db: sqlite3.Connection) -> int:
            first = ids.at(older_than)
            db.execute("DELETE FROM outbox WHERE turn < ? AND state = 'sent'", (first,))
            gone = db.execute(
                f"DELETE FROM turns WHERE id IN (SELECT id FROM turns WHERE id < ? AND NOT {_OPEN} LIMIT ?)",
                (first, limit),
            )
            return gone.rowcount

        return await self._database.write(work)

    async def probe(self) -> None:
        """Prove that the store can write; raises StoreError. Used after a failure to notice recovery."""

        def work(db: sqlite3.Connection) -> None:
            db.execute(
                "INSERT INTO sessions (session, platform, bot, vars, updated) VALUES ('', '', '', ?, ?) "
                "ON CONFLICT (session) DO UPDATE SET vars = excluded.vars, updated = excluded.updated",
                (orjson.dumps({"probe": "x" * 8192}).decode(), time.time()),
            )

        await self._database.write(work)


_OPEN = "state IN ('queued', 'running', 'parked', 'waiting')"
_DELIVERY = (
    "turn, n, platform, bot, session, address, parts, state, attempts, again, next_at, error, created, notes"
)
_HISTORY = """
    SELECT t.message, json_extract(t.record, '$.reply') FROM turns AS t
    WHERE t.session = ? AND t.id < ? AND t.state = 'answered' ORDER BY t.id DESC LIMIT ?"""


def delivery_of(row: tuple[Any, ...]) -> Delivery:
    """Build a delivery from the columns of ``_DELIVERY``."""
    return Delivery(
        turn=row[0],
        n=row[1],
        platform=row[2],
        bot=row[3],
        session=row[4],
        to=orjson.loads(row[5]),
        parts=[Part.from_json(p) for p in orjson.loads(row[6])],
        state=row[7],
        attempts=row[8],
        again=bool(row[9]),
        next_at=row[10],
        error=row[11] or "",
        created=row[12],
        notes=orjson.loads(row[13]) if row[13] else {},
    )
