"""The finder's file: a line of small columns for each turn, and what was said in blocks of full text.

A column of texts holds a hash of each: what has the hash is looked at, so that two texts of one hash cost a
look and nothing else. The commonest value and an empty one are NULL, and in no index.

What was said stands in blocks, each an FTS5 table of trigrams without positions. A block goes with the last
of its turns, as a whole: FTS5 has no other way to forget a text whose words it does not keep.
"""

from __future__ import annotations

import sqlite3
import zlib
from typing import Any, Final

VERSION: Final = 1  # of all that is here: a file of another one is made again

#: Columns that hold hashes of texts, by their names in a turn's record; those in an index; and of some the
#: value that most turns have.
HASHED: Final = (
    *("state", "platform", "bot", "session", "user", "error", "runner", "workflow", "provider", "model"),
    *("kind", "rule", "origin"),
)
INDEXED: Final = ("state", "platform", "bot", "session", "user", "error", "workflow", "provider", "origin")
COMMON: Final = {"state": "answered", "origin": "user"}
#: Columns that hold numbers: seconds.
NUMBERS: Final = ("received", "took")

#: ``open`` is 1 where a turn may have changed since its line was written, and 2 where it cannot be read: both
#: are looked at whatever is wanted. ``doc`` is its place in the blocks, 0 where nothing was said, NULL where
#: that is not known. ``answered`` is the turn that answered it as well, where another one did.
_SEEN = f"""
    CREATE TABLE seen (
        turn INTEGER PRIMARY KEY, doc INTEGER, open INTEGER NOT NULL, answered INTEGER,
        {", ".join(f"{name} INTEGER" for name in HASHED)}, {", ".join(f"{name} REAL" for name in NUMBERS)})"""
_MAKE = (
    "CREATE TABLE about (name TEXT PRIMARY KEY, value) WITHOUT ROWID",
    _SEEN,
    "CREATE INDEX seen_open ON seen (turn) WHERE open > 0",
    "CREATE INDEX seen_doc ON seen (doc) WHERE doc > 0",
    "CREATE INDEX seen_unsaid ON seen (turn) WHERE doc IS NULL",
    "CREATE INDEX seen_answered ON seen (answered) WHERE answered IS NOT NULL",
    *(f"CREATE INDEX seen_{name} ON seen ({name}) WHERE {name} IS NOT NULL" for name in INDEXED),
    *(f"CREATE INDEX seen_{name} ON seen ({name})" for name in NUMBERS),
    "CREATE TABLE blocks (block INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL, "
    "docs INTEGER NOT NULL)",
)
PLACE: Final = 1 << 20  # documents are numbered from a block's number times this


def make(db: sqlite3.Connection) -> None:
    """Make the tables in an empty file."""
    for statement in _MAKE:
        db.execute(statement)
    put(db, "version", VERSION)


def made(db: sqlite3.Connection) -> bool:
    """Whether the tables are there, and of this version."""
    there = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'about'").fetchone()
    return bool(there) and get(db, "version") == VERSION


def put(db: sqlite3.Connection, name: str, value: Any) -> None:
    """Keep a fact of the file."""
    db.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (name, value))


def get(db: sqlite3.Connection, name: str, default: Any = None) -> Any:
    """Return a fact of the file."""
    row = db.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
    return row[0] if row else default


def add_block(db: sqlite3.Connection) -> int:
    """Make a block of full text; returns its number."""
    (block,) = db.execute("SELECT coalesce(max(block), 0) + 1 FROM blocks").fetchone()
    db.execute(
        f"CREATE VIRTUAL TABLE text_{block} USING fts5 (said, content = '', columnsize = 0, detail = none, "
        "tokenize = 'trigram case_sensitive 1')"
    )
    db.execute(f"CREATE VIRTUAL TABLE terms_{block} USING fts5vocab (text_{block}, row)")
    db.execute("INSERT INTO blocks VALUES (?, ?, 0, 0)", (block, 1 << 62))
    return int(block)


def drop_block(db: sqlite3.Connection, block: int) -> None:
    """Forget a block."""
    db.execute(f"DROP TABLE terms_{block}")
    db.execute(f"DROP TABLE text_{block}")
    db.execute("DELETE FROM blocks WHERE block = ?", (block,))


def hashed(name: str, value: Any) -> int | None:
    """Return what a column holds for a text; None for the commonest one and for none at all."""
    if not isinstance(value, str) or not value or value == COMMON.get(name):
        return None
    return zlib.crc32(value.encode("utf-8", "surrogatepass"))
