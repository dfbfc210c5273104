"""Indexes that are damaged are made again from their tables, which have all that they say."""

from __future__ import annotations

import sqlite3

_INDEXES = "SELECT name, sql FROM sqlite_master WHERE type = 'index' ORDER BY name"

#: As the indexes of what is open say it, so that they are used: nothing else is read.
_OPEN = {
    "outbox": "('open', 'pending', 'sending', 'unknown') AND state <> 'sent'",
    "turns": "('queued', 'running', 'parked', 'waiting')",
}


def try_open_rows(db: sqlite3.Connection) -> None:
    """Change what is open as if to end it, and take that back: a damaged way to it is met here.

    Rows may be found while an index has no place that a change of theirs could take them from.

    Raises:
        sqlite3.DatabaseError: they cannot be changed.
    """
    db.execute("SAVEPOINT trial")
    try:
        for table in ("outbox", "turns"):
            db.execute(f"UPDATE {table} SET state = state WHERE state IN {_OPEN[table]}")
    finally:
        db.execute("ROLLBACK TO trial")
        db.execute("RELEASE trial")


def make_again(db: sqlite3.Connection) -> tuple[list[str], list[str]]:
    """Make each index again, by itself; returns which were made, and which could not be."""
    made: list[str] = []
    left: list[str] = []
    for name, statement in db.execute(_INDEXES).fetchall():
        try:
            try:
                db.execute(f'REINDEX "{name}"')
            except sqlite3.DatabaseError:
                if not statement:  # a table's own
                    raise
                _replace(db, name, statement)
        except sqlite3.DatabaseError:
            left.append(name)
        else:
            made.append(name)
    return made, left


def _replace(db: sqlite3.Connection, name: str, statement: str) -> None:
    """Make an index whose pages SQLite cannot even empty; they are lost to the file until a ``VACUUM``."""
    db.execute("BEGIN IMMEDIATE")
    try:
        db.execute("PRAGMA writable_schema=ON")
        db.execute("DELETE FROM sqlite_master WHERE type = 'index' AND name = ?", (name,))
        db.execute("PRAGMA writable_schema=RESET")  # and forget what was known of it
        db.execute(statement)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        db.execute("PRAGMA writable_schema=RESET")
        raise


def problems(db: sqlite3.Connection, most: int) -> list[str]:
    """Return what is damaged in a database, in SQLite's words. Pages that nothing uses are none of it."""
    found = [line for row in db.execute(f"PRAGMA integrity_check({most})") for line in row[0].splitlines()]
    told = [line for line in found if line != "ok" and not line.endswith("is never used")]
    return told if any(not line.startswith("*** in database") for line in told) else []
