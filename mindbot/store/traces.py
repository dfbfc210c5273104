"""Traces that are too long, and those that are too old: what is left of them says what is gone.

Runs on a connection, in its thread, but for what is pure.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import orjson

from mindbot.domain.message import Json
from mindbot.domain.span import Span
from mindbot.store.recovery import OPEN
from mindbot.store.rows import json_of
from mindbot.store.unreadable import ODD

#: Kinds of what stands for steps that are gone.
CUT = "cut"
#: Steps of a turn that are kept: of more the first and the last ones, those that did not end well, and what
#: all of these are inside of.
MOST = 10_000
_HEAD, _TAIL, _BAD = 4_000, 4_000, 1_000
#: What of a step the lists of turns tell, and stays for as long as the turn does.
_TOLD = ("provider", "model", "usage", "cost")

Row = list[Any]


def capped(spans: Sequence[Span]) -> Sequence[Span]:
    """Return steps of a turn as they are kept."""
    if len(spans) <= MOST:
        return spans
    kept = {*range(_HEAD), *range(len(spans) - _TAIL, len(spans))}
    kept.update([n for n, span in enumerate(spans) if span.status not in ("ok", "memo")][:_BAD])
    places = {span.id: n for n, span in enumerate(spans)}
    for n in sorted(kept):
        while (n := places.get(spans[n].parent, -1)) >= 0 and n not in kept:
            kept.add(n)
    gone = next(n for n in range(len(spans)) if n not in kept)
    left_out = len(spans) - len(kept)
    mark = Span(spans[gone].id, 0, CUT, f"{left_out:,} steps left out", spans[gone].start, 0.0, "ok")
    mark.data = {"left_out": left_out}
    return [mark if n == gone else spans[n] for n in range(len(spans)) if n in kept or n == gone]


def thinned(record: Json) -> Json | None:
    """Return a turn's record without its trace, but for what lists tell of it; None where that is all."""
    rows: list[Row] = record.get("spans") or []
    left = [[*row[:7], _told(row[7])] for row in rows if row[2] in ("model", "workflow") and _told(row[7])]
    left_out = len(rows) - len(left)
    if not rows or any(row[2] == CUT and (row[7] or {}).get("old") for row in rows):
        return None
    taken = {row[0] for row in left}
    number = next(n for n in range(1, len(rows) + 2) if n not in taken)
    what = {"left_out": left_out, "old": True}
    mark: Row = [number, 0, CUT, "the trace is not kept any more", rows[0][4], 0, "ok", what]
    for row in left:
        row[1] = 0
    return {**record, "spans": [mark, *left]}


def thin(db: sqlite3.Connection, after: int, before: int, limit: int) -> int | None:
    """Thin the traces of ended turns between two ids, ``limit`` at most; returns the last one looked at."""
    rows = db.execute(
        f"SELECT id, record FROM turns WHERE id > ? AND id < ? AND NOT {OPEN} ORDER BY id LIMIT ?",
        (after, before, limit),
    ).fetchall()
    for number, text in rows:
        with suppress(*ODD, LookupError):  # a record that cannot be read stays as it is
            if text and (left := thinned(json_of(text, dict))) is not None:
                db.execute("UPDATE turns SET record = ? WHERE id = ?", (orjson.dumps(left).decode(), number))
    return rows[-1][0] if rows else None


def weigh(db: sqlite3.Connection, below: int, limit: int) -> list[tuple[int, int]]:
    """Return the newest turns below an id and how many bytes the record of each takes."""
    sql = "SELECT id, length(CAST(record AS BLOB)) FROM turns WHERE id < ? ORDER BY id DESC LIMIT ?"
    found: Iterable[tuple[int, int | None]] = db.execute(sql, (below, limit))
    return [(number, size or 0) for number, size in found]


def _told(data: Any) -> Json:
    return {name: data[name] for name in _TOLD if name in data} if isinstance(data, dict) else {}
