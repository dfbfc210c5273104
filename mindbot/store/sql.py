"""Operators' questions in SQL: on a connection that can only read, for a limited time, secrets masked."""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mindbot.domain.errors import Invalid, StoreError, TimedOut
from mindbot.domain.shapes.instruments import SqlAnswerJson
from mindbot.store.database import as_text, explain
from mindbot.telemetry.redaction import MASK, is_secret_name, redactor

_STEPS = 10_000  # of SQLite's machine between two looks at the clock
_MOST_TEXT = 4_000  # characters of a value
_MOST_ANSWER = 2_000_000  # characters of all values of an answer, more or less
_CELL = 8  # characters that a value counts for besides its own
# A row is in memory as a whole, before anything of it can be cut.
_LIMITS = (
    (sqlite3.SQLITE_LIMIT_LENGTH, 2 << 20),  # bytes of a value on its way
    (sqlite3.SQLITE_LIMIT_COLUMN, 50),
    (sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 200),  # nothing ends a comparison that has begun
)

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
    }
)


def ask(path: Path, sql: str, limit: int, timeout: float) -> SqlAnswerJson:
    """Return what a question finds, at most ``limit`` rows, looked for ``timeout`` seconds. Blocks.

    What looks like a secret in a value is masked as everywhere; values of `keep` are null. Texts are cut,
    of bytes their number is told, and an answer that is ``full`` ends before ``limit``.

    Raises:
        Invalid: it is no question that can be asked here: the words are SQLite's.
        TimedOut: it took longer, masking included.
        StoreError: the database cannot be read.
    """
    begun = time.monotonic()

    def late() -> bool:
        return time.monotonic() > begun + timeout

    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as db:
            db.text_factory = as_text
            db.execute("PRAGMA query_only=ON")
            db.execute("PRAGMA busy_timeout=2000")
            for kind, most in _LIMITS:
                db.setlimit(kind, most)
            db.set_authorizer(_may)
            db.set_progress_handler(late, _STEPS)
            found = db.execute(sql)
            if found.description is None:
                raise Invalid("that asks for nothing", hint="SELECT … FROM turns; only reading is possible")
            shown = _Shown([str(each[0]) for each in found.description], limit)
            for row in found:
                if not shown.takes(row):
                    break
                if late():
                    raise _took_longer(timeout)
    except sqlite3.Warning as error:  # several statements, in Python 3.11
        raise Invalid(str(error), hint="one SELECT at a time") from error
    except sqlite3.Error as error:
        raise _meant(error, path, timeout) from error
    return {
        "columns": shown.columns,
        "rows": shown.rows,
        "more": shown.more,
        "cut": shown.cut,
        "full": shown.full,
        "took_ms": round((time.monotonic() - begun) * 1000, 3),
    }


class _Shown:
    """The rows of an answer as they are shown, bounded by their number and by the sum of what they hold."""

    def __init__(self, columns: list[str], limit: int) -> None:
        self.columns = columns
        self.rows: list[list[Any]] = []
        self.more = self.full = False
        self.cut = 0  # values that are not whole
        self._limit = limit
        self._secret = [is_secret_name(name) for name in columns]
        self._size = 0

    def takes(self, row: Sequence[Any]) -> bool:
        """Take a row in; tells whether there was room for it."""
        self.full = self._size >= _MOST_ANSWER
        self.more = self.full or len(self.rows) >= self._limit
        if self.more:
            return False
        cells = [self._cell(value, secret) for value, secret in zip(row, self._secret, strict=True)]
        self._size += sum(_CELL + (len(cell) if isinstance(cell, str) else 0) for cell in cells)
        self.rows.append(cells)
        return True

    def _cell(self, value: Any, secret: bool) -> Any:
        if isinstance(value, bytes):
            self.cut += 1
            return f"({len(value):,} bytes)"
        if isinstance(value, float) and not math.isfinite(value):
            return str(value)  # JSON has no such number
        if not isinstance(value, str):
            return value
        if secret and value:
            return MASK
        if len(value) <= _MOST_TEXT:
            return redactor.beginning(value, _MOST_TEXT)
        self.cut += 1
        return f"{redactor.beginning(value, _MOST_TEXT)}… ({len(value):,} characters)"


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
        return _took_longer(timeout)
    if code == sqlite3.SQLITE_TOOBIG:
        return Invalid(
            f"{error}: a value may have {_LIMITS[0][1]:,} bytes", hint="ask for its length(…), or other rows"
        )
    if code in _OURS or isinstance(error, sqlite3.ProgrammingError):
        return Invalid(
            str(error), hint="one SELECT at a time; `SELECT name, sql FROM sqlite_master` lists tables"
        )
    return explain(error, path)


def _took_longer(timeout: float) -> TimedOut:
    return TimedOut(f"the question took longer than {timeout:g}s", hint="ask for less, or with --timeout")
