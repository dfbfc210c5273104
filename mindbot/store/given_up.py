"""Counts what was given up on, apart from the connections that messages wait for."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from mindbot.domain.ports.store import GivenUp
from mindbot.store.database import explain

#: The second condition is that of the index of what is not sent, which is read instead of the table.
_DELIVERIES = "SELECT count(*), count(DISTINCT turn) FROM outbox WHERE state = 'dead' AND state <> 'sent'"
_TURNS = "SELECT count(*) FROM turns WHERE state = 'dead'"


def count(path: Path) -> GivenUp:
    """Count dead deliveries, the turns they are of, and dead turns; raises StoreError."""
    # Never makes a file: where the database was is nothing, until it is back.
    place = f"file:{quote(str(path))}?mode=rw"
    try:
        with closing(sqlite3.connect(place, uri=True)) as db:
            deliveries, answers = db.execute(_DELIVERIES).fetchone()
            (turns,) = db.execute(_TURNS).fetchone()
    except sqlite3.Error as error:
        raise explain(error, path) from error
    return GivenUp(deliveries, answers, turns)
