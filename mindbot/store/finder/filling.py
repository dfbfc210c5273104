"""Brings the finder's file up to what is in the store, a few turns at a time. Runs in the finder's thread.

What is in the file is all turns between two ids, ``lowest`` and ``highest``: new ones are added above, those
that were there before the file below, the newest first. Turns that were open are looked at again until they
have ended.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson

from mindbot.domain import ids
from mindbot.domain.errors import StoreCorrupt
from mindbot.domain.turn import OPEN_STATES
from mindbot.store.database import explain
from mindbot.store.finder import schema
from mindbot.store.finder.lines import CHANGING, SELECT, WRITE, StoredTurn, line_of
from mindbot.store.finder.texts import END

BLOCK = 50_000  # turns whose texts stand in one block, at most
BLOCK_SPAN = 7 * 86400.0  # seconds between the first and the last of them: so long texts outlive their turns
_GONE = 5_000  # lines forgotten at once
_OPEN = f"state IN ({', '.join(repr(state) for state in OPEN_STATES)})"
_BY_ID = "WHERE id IN (SELECT value FROM json_each(?))"


class Filling:
    """``db`` is the finder's file, ``kept`` the store's database, to read. All methods raise sqlite3.Error of
    the one, and StoreError of the other.

    Whoever calls has the turns that change at this moment left out of `look_again` (``but``).
    """

    def __init__(self, db: sqlite3.Connection, kept: sqlite3.Connection, path: Path) -> None:
        self._db = db
        self._kept = kept
        self._path = path  # of the store's database

    @property
    def span(self) -> tuple[int, int]:
        """The lowest and the highest id between which all turns are in the file; lowest 1: none is older."""
        get = schema.get
        return get(self._db, "lowest", 0), get(self._db, "highest", 0)

    def is_of(self, mark: str) -> bool:
        """Whether the file is of this version, and was written last for the database that has this mark."""
        get = schema.get
        return schema.made(self._db) and mark in (get(self._db, "mark"), get(self._db, "next_mark"))

    def marked(self, mark: str, following: str) -> None:
        """Keep the mark that the database has, and the one that it is about to get."""
        with self._change():
            schema.put(self._db, "mark", mark)
            schema.put(self._db, "next_mark", following)

    def begin(self, highest: int) -> None:
        """Make the tables of an empty file, for turns above an id and, going down, for those up to it."""
        with self._change():
            schema.make(self._db)
            schema.put(self._db, "lowest", highest + 1)
            schema.put(self._db, "highest", highest)

    def upwards(self, bound: int, most: int) -> int:
        """Take in turns that came since, up to ``bound``: no turn may get an id up to that any more.

        Returns how many were taken in; fewer than ``most``: these were all.
        """
        highest = self.span[1]
        if bound <= highest:
            return 0
        rows = self._read("WHERE id > ? AND id <= ? ORDER BY id LIMIT ?", (highest, bound, most))
        with self._change():
            self._write(rows, "up")
            schema.put(self._db, "highest", _number(rows[-1]) if len(rows) == most else bound)
        return len(rows)

    def downwards(self, most: int) -> int:
        """Take in turns that were there before the file; returns how many: fewer than ``most``, or all."""
        lowest = self.span[0]
        if lowest <= 1:
            return 0
        rows = self._read("WHERE id < ? ORDER BY id DESC LIMIT ?", (lowest, most))
        with self._change():
            self._write(rows, "down")
            schema.put(self._db, "lowest", _number(rows[-1]) if len(rows) == most else 1)
        return len(rows)

    def look_again(self, most: int, but: Collection[int] = ()) -> int:
        """Write the lines of turns that have ended since; returns how many."""
        waiting = f"SELECT turn FROM seen INDEXED BY seen_open WHERE open > 0 AND open = {CHANGING}"
        changed = [turn for (turn,) in self._db.execute(waiting) if turn not in but]
        if not changed:
            return 0
        asked = (orjson.dumps(changed).decode(),)
        there = dict(self._asked(f"SELECT id, {_OPEN} FROM turns {_BY_ID}", asked))
        gone = [(turn,) for turn in changed if turn not in there]
        ended = [turn for turn in changed if not there.get(turn, True)][:most]
        rows = self._read(_BY_ID, (orjson.dumps(ended).decode(),)) if ended else []
        if rows or gone:
            with self._change():
                self._db.executemany("DELETE FROM seen WHERE turn = ?", gone)
                self._write(rows, "up")
        return len(rows)

    def change(self, turn: int) -> None:
        """Learn that a turn is about to change. A power cut does not take that back: the store keeps what
        follows."""
        self._db.execute("PRAGMA synchronous=FULL")
        try:
            with self._change():
                self._db.execute("UPDATE seen SET open = ? WHERE turn = ?", (CHANGING, turn))
        finally:
            self._db.execute("PRAGMA synchronous=NORMAL")

    def forget(self) -> int:
        """Forget turns that the store has no more; returns how many lines went, `_GONE` at most at once."""
        query = f"SELECT id FROM turns NOT INDEXED WHERE NOT {_OPEN} ORDER BY id LIMIT 1"
        found = self._asked(query, ())
        first = found[0][0] if found else self.span[1] + 1
        stay = "SELECT turn FROM seen WHERE turn < ? AND open <> ? LIMIT ?"
        gone = self._db.execute(stay, (first, CHANGING, _GONE)).fetchall()
        if gone:
            with self._change():
                self._db.executemany("DELETE FROM seen WHERE turn = ?", gone)
                past = self._db.execute("SELECT block FROM blocks WHERE last < ? AND docs > 0", (first,))
                for (block,) in past.fetchall():
                    schema.drop_block(self._db, block)
        return len(gone)

    # --- writing

    @contextmanager
    def _change(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def _asked(self, query: str, args: tuple[object, ...]) -> list[tuple[Any, ...]]:
        try:
            return self._kept.execute(query, args).fetchall()
        except sqlite3.Error as error:
            raise explain(error, self._path) from error

    def _read(self, where: str, args: tuple[object, ...]) -> list[StoredTurn | int]:
        """Return turns; of one whose page is damaged its number."""
        try:
            return [StoredTurn(*row) for row in self._asked(f"{SELECT} {where}", args)]
        except StoreCorrupt:
            numbers = self._asked(f"SELECT id FROM turns INDEXED BY turns_session {where}", args)
        return [self._one(number) for (number,) in numbers]

    def _one(self, number: int) -> StoredTurn | int:
        with suppress(StoreCorrupt):
            for row in self._asked(f"{SELECT} WHERE id = ?", (number,)):
                return StoredTurn(*row)
        return number

    def _write(self, rows: Iterable[StoredTurn | int], way: str) -> None:
        """Write the lines of turns and what was said in them, all into one block of text."""
        lines = [line_of(row) for row in rows]
        said = [(line.turn, line.said + END) for line in lines if line.said]
        docs: dict[int, int] = {}
        if said:
            first, last = min(said)[0], max(said)[0]
            block, taken = self._block(first, last, way)
            docs = {turn: block * schema.PLACE + n for n, (turn, _) in enumerate(said, taken + 1)}
            self._db.executemany(
                f"INSERT INTO text_{block} (rowid, said) VALUES (?, ?)",
                [(docs[turn], text) for turn, text in said],
            )
            self._db.execute(
                "UPDATE blocks SET docs = docs + ?, first = min(first, ?), last = max(last, ?) "
                "WHERE block = ?",
                (len(said), first, last, block),
            )
        written = [line.values(None if line.said is None else docs.get(line.turn, 0)) for line in lines]
        self._db.executemany(WRITE, written)

    def _block(self, low: int, high: int, way: str) -> tuple[int, int]:
        """Return the block for texts of turns between two, and how many it has. It has room."""
        block: int = schema.get(self._db, way, 0)
        found = self._db.execute("SELECT first, last, docs FROM blocks WHERE block = ?", (block,)).fetchone()
        if found:
            first, last, docs = found
            span = ids.moment(max(last, high)) - ids.moment(min(first, low))
            if docs < BLOCK and span < BLOCK_SPAN:
                return block, docs
        block = schema.add_block(self._db)
        schema.put(self._db, way, block)
        return block, 0


def _number(row: StoredTurn | int) -> int:
    return row if isinstance(row, int) else row.id
