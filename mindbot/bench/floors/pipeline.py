"""The floor of ``mindbot bench pipeline``: what one process can do when nothing but the durable path is left.

Eleven no-op stages around an echo, four statements a turn, raw aiosqlite, group commit with the same
pragmas, no spans, no events, no routing, no errors handled. Two forms: ``plain`` awaits each statement, as a
straightforward program does; ``batched`` hands each statement's rows to one ``executemany``, the best the
driver offers.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiosqlite
import uvloop

_SCHEMA = """
PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
CREATE TABLE inbox (id INTEGER PRIMARY KEY, key TEXT UNIQUE, session TEXT, message TEXT);
CREATE TABLE turns (id INTEGER PRIMARY KEY, session TEXT, state TEXT, record TEXT);
CREATE INDEX turns_session ON turns (session, id);
CREATE TABLE outbox (turn INTEGER PRIMARY KEY, text TEXT, state TEXT);
"""
_STATEMENTS = (
    "INSERT INTO inbox VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
    "INSERT INTO turns VALUES (?, ?, 'answered', ?)",
    "INSERT INTO outbox VALUES (?, ?, 'sending')",
    "UPDATE outbox SET state = 'sent' WHERE turn = ?",
)
Row = tuple[Any, ...]


class BareJournal:
    """Group commit in thirty lines."""

    def __init__(self, db: aiosqlite.Connection, batched: bool) -> None:
        self._db = db
        self._batched = batched
        self._rows: list[list[Row]] = [[], [], [], []]
        self._done: list[asyncio.Future[None]] = []
        self._wake = asyncio.Event()

    async def commit(self, rows: list[tuple[int, Row]]) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        for statement, row in rows:
            self._rows[statement].append(row)
        self._done.append(done)
        self._wake.set()
        await done

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            if len(self._done) < 500:
                await asyncio.sleep(0.002)
            self._wake.clear()
            rows, self._rows = self._rows, [[], [], [], []]
            done, self._done = self._done, []
            await self._db.execute("BEGIN IMMEDIATE")
            for statement, batch in zip(_STATEMENTS, rows, strict=True):
                if batch and self._batched:
                    await self._db.executemany(statement, batch)
                elif batch:
                    for row in batch:
                        await self._db.execute(statement, row)
            await self._db.execute("COMMIT")
            for waiting in done:
                waiting.set_result(None)


def _stages(count: int) -> Callable[[str], Awaitable[str]]:
    async def echo(text: str) -> str:
        return "echo: " + text

    call: Callable[[str], Awaitable[str]] = echo
    for _ in range(count):

        def layer(inner: Callable[[str], Awaitable[str]]) -> Callable[[str], Awaitable[str]]:
            async def stage(text: str) -> str:
                return await inner(text)

            return stage

        call = layer(call)
    return call


async def run(form: str, messages: int, users: int, folder: Path) -> dict[str, float]:
    """Answer the messages; returns turns a second and CPU microseconds a turn."""
    async with aiosqlite.connect(folder / "floor.db", isolation_level=None) as db:
        await db.executescript(_SCHEMA)
        journal = BareJournal(db, form == "batched")
        writer = asyncio.create_task(journal.run())
        answer = _stages(11)

        async def turn(n: int) -> None:
            session, text = f"console:default:u{n % users}", f"hello {n}"
            message = json.dumps({"key": f"m{n}", "session": session, "text": text})
            await journal.commit([(0, (n, f"m{n}", session, message))])
            reply = await answer(text)
            record = json.dumps({"reply": reply})
            await journal.commit([(1, (n, session, record)), (2, (n, reply))])
            await journal.commit([(3, (n,))])

        wall, cpu = time.perf_counter(), time.process_time()
        for start in range(0, messages, 2000):
            await asyncio.gather(*(turn(n) for n in range(start, min(start + 2000, messages))))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        writer.cancel()
    return {"turns_per_s": messages / wall, "cpu_us": cpu / messages * 1e6}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(uvloop.run(run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(folder)))))
