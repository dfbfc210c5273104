"""Reads about what went wrong, apart from the connections that messages wait for."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import orjson

from mindbot.domain import ids
from mindbot.domain.ports.store import GivenUp
from mindbot.store.database import explain

#: The second condition is that of the index of what is not sent, which is read instead of the table.
_DEAD = "state = 'dead' AND state <> 'sent'"
_DELIVERIES = f"SELECT count(*), count(DISTINCT turn) FROM outbox WHERE {_DEAD}"
_TURNS = "SELECT count(*) FROM turns WHERE state = 'dead'"
_FAILED = f"""
    SELECT id FROM turns WHERE id >= :first AND state IN ('failed', 'dead')
    UNION SELECT turn FROM outbox WHERE turn >= :first AND {_DEAD}
    ORDER BY 1 DESC LIMIT :limit"""
_ENDED = """
    SELECT CAST(finished AS INTEGER), sum(state = 'answered'), sum(state <> 'answered')
    FROM (SELECT state, finished, message FROM turns WHERE id >= :first ORDER BY id DESC LIMIT :most)
    WHERE finished >= :since AND finished < :before AND state IN ('answered', 'failed', 'dead')
        AND CASE WHEN json_valid(message) THEN message ->> '$.origin' END IS NOT 'test'
    GROUP BY 1"""
_LONG = 300.0  # seconds: turns that took longer are not looked for
_MOST = 20_000  # turns that are looked at, the newest
_REACHED = """
    SELECT session, sender, max(id) FROM turns AS t
    WHERE session IN (SELECT value FROM json_each(:sessions)) AND id >= :first AND state = 'answered'
    AND EXISTS (SELECT 1 FROM outbox AS o WHERE o.turn = t.id AND o.n >= 0)
    AND NOT EXISTS (SELECT 1 FROM outbox AS o WHERE o.turn = t.id AND o.n >= 0 AND o.state <> 'sent')
    AND json_extract(message, '$.kind') <> 'push'
    GROUP BY session, sender"""


def count(path: Path) -> GivenUp:
    """Count dead deliveries and the turns they are of; raises StoreError."""
    with _reading(path) as db:
        return GivenUp(*db.execute(_DELIVERIES).fetchone())


def dead_turns(path: Path) -> int:
    """Count dead turns: no index has them, 1,000,000 turns take about a second of CPU. Raises StoreError."""
    with _reading(path) as db:
        return int(db.execute(_TURNS).fetchone()[0])


def failed(path: Path, since: float, limit: int) -> list[int]:
    """Return the newest turns that failed, or of which a delivery was given up on; raises StoreError."""
    with _reading(path) as db:
        rows = db.execute(_FAILED, {"first": ids.at(since), "limit": limit}).fetchall()
        return [number for (number,) in rows]


def ended(path: Path, since: float, before: float) -> dict[int, tuple[int, int]]:
    """Count turns that were answered, and that failed, by the second of their end, but for those that
    operators tried out; raises StoreError."""
    args = {"first": ids.at(since - _LONG), "most": _MOST, "since": since, "before": before}
    with _reading(path) as db:
        return {second: (answered, failed) for second, answered, failed in db.execute(_ENDED, args)}


def reached(path: Path, sessions: Sequence[str], since: float) -> dict[tuple[str, str], int]:
    """Return the last turn whose answer arrived, by session and sender; raises StoreError."""
    args = {"sessions": orjson.dumps(sessions).decode(), "first": ids.at(since)}
    with _reading(path) as db:
        return {(session, sender): turn for session, sender, turn in db.execute(_REACHED, args)}


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    # Never makes a file: where the database was is nothing, until it is back.
    place = f"file:{quote(str(path))}?mode=rw"
    try:
        with closing(sqlite3.connect(place, uri=True)) as db:
            yield db
    except sqlite3.Error as error:
        raise explain(error, path) from error
