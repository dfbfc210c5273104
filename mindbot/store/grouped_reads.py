"""Reads that gather: callers of the same query share one trip to the reading thread."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Any

import anyio

from mindbot.domain.errors import StoreError
from mindbot.store.database import Database, explain

Found = list[tuple[Any, ...]]


class GroupRead:
    """Runs one query for many callers. Run `run` in a task group while it is used."""

    def __init__(self, database: Database, query: str) -> None:
        self._database = database
        self._query = query
        self._asked: list[tuple[list[Any], asyncio.Future[Found]]] = []
        self._wake = anyio.Event()

    async def get(self, parameters: list[Any]) -> Found:
        """Return the rows for these parameters; raises StoreError."""
        answer: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
        self._asked.append((parameters, answer))
        self._wake.set()
        return await answer

    async def run(self) -> None:
        """Serve until cancelled."""
        while True:
            while not self._asked:
                self._wake = anyio.Event()
                await self._wake.wait()
            asked, self._asked = self._asked, []

            def work(db: sqlite3.Connection, asked: list[Any] = asked) -> list[Found | sqlite3.Error]:
                return [self._one(db, parameters) for parameters, _ in asked]

            try:
                found = await self._database.read(work)
            except StoreError as error:
                for _, answer in asked:
                    if not answer.done():
                        answer.set_exception(error)
                continue
            for (_, answer), rows in zip(asked, found, strict=True):
                if answer.done():
                    continue
                if isinstance(rows, sqlite3.Error):
                    answer.set_exception(explain(rows, self._database.path))
                else:
                    answer.set_result(rows)

    def _one(self, db: sqlite3.Connection, parameters: list[Any]) -> Found | sqlite3.Error:
        try:
            return db.execute(self._query, parameters).fetchall()
        except sqlite3.Error as error:  # of a damaged page: it is this caller's alone
            return error
