"""Operators' questions in SQL: on a connection that can only read, for a limited time, secrets masked."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mindbot.domain.errors import Invalid, StoreError, TimedOut
from mindbot.domain.shapes.instruments import SqlAnswerJson
from mindbot.store.database import as_text, explain
from mindbot.telemetry.redaction import redactor

_STEPS = 10_000  # of SQLite's machine between two looks at the clock
_MOST_TEXT = 4_000  # characters of a value
_LONGEST = 64 << 20  # bytes of a value on its way

_READS = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE})
#: What platforms keep for themselves: tokens among it, with nothing around them that tells them from texts.
_HIDDEN = frozenset({("keep", "value")})
#: SQLite's codes for what is wrong with a question; a refusal to make a table has that of a changed schema.
_OURS = frozenset(
    {
        sqlite3.SQLITE_ERROR,
        sqlite3.SQLITE_AUTH,
        sqlite3.SQLITE_MISUSE,
        sqlite3.SQLITE_SCHEMA,
        sqlite3.SQLITE_TOOBIG,
    }
)


def ask(path: Path, sql: str, limit: int, timeout: float) -> SqlAnswerJson:
    """Return what a question finds, at most ``limit`` rows, looked for ``timeout`` seconds. Blocks.

    What looks like a secret in a value is masked as everywhere; values of `keep` are null.

    Raises:
        Invalid: it is no question that can be asked here: the words are SQLite's.
        TimedOut: it took longer.
        StoreError: the database cannot be read.
    """
    begun = time.monotonic()
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as db:
            db.text_factory = as_text
            db.execute("PRAGMA query_only=ON")
            db.execute("PRAGMA busy_timeout=2000")
            db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
            db.set_authorizer(_may)
            db.set_progress_handler(lambda: time.monotonic() > begun + timeout, _STEPS)
            found = db.execute(sql)
            if found.description is None:
                raise Invalid("that asks for nothing", hint="SELECT … FROM turns; only reading is possible")
            rows = found.fetchmany(limit + 1)
            columns = [str(each[0]) for each in found.description]
    except sqlite3.Warning as error:  # several statements, in Python 3.11
        raise Invalid(str(error), hint="one SELECT at a time") from error
    except sqlite3.Error as error:
        raise _meant(error, path, timeout) from error
    return {
        "columns": columns,
        "rows": [
            [_shown(name, value) for name, value in zip(columns, row, strict=True)] for row in rows[:limit]
        ],
        "more": len(rows) > limit,
        "took_ms": round((time.monotonic() - begun) * 1000, 3),
    }


def _may(action: int, first: str | None, second: str | None, *_: object) -> int:
    """Let a statement read tables, and nothing else: no PRAGMA, no other file, no extension."""
    if action == sqlite3.SQLITE_READ:
        return sqlite3.SQLITE_IGNORE if (first, second) in _HIDDEN else sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_FUNCTION and second == "load_extension":
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK if action in _READS else sqlite3.SQLITE_DENY


def _meant(error: sqlite3.Error, path: Path, timeout: float) -> Invalid | TimedOut | StoreError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code == sqlite3.SQLITE_INTERRUPT:
        return TimedOut(f"the question took longer than {timeout:g}s", hint="ask for less, or with --timeout")
    if code in _OURS or isinstance(error, sqlite3.ProgrammingError):
        return Invalid(
            str(error), hint="one SELECT at a time; `SELECT name, sql FROM sqlite_master` lists tables"
        )
    return explain(error, path)


def _shown(name: str, value: Any) -> Any:
    if isinstance(value, bytes):
        return f"({len(value):,} bytes)"
    if not isinstance(value, str):
        return value
    masked = redactor.redact({name: value})
    text = str(next(iter(masked.values())))
    return text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}… ({len(text):,} characters)"
