"""What operators, platforms and retention change in rows later. Runs on a connection, in its thread."""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress
from functools import partial

import orjson

from mindbot.domain import ids
from mindbot.domain.shapes.turns import Plain
from mindbot.domain.turn import RETRIED, Turn
from mindbot.store.recovery import OPEN
from mindbot.store.rows import json_of, message_of, turn_name
from mindbot.store.unreadable import ODD, Unreadable

_ASIDE_FOR = 30 * 86400.0  # seconds a bot's value that cannot be read is kept


def note_turn(db: sqlite3.Connection, turn: int, fact: Plain) -> bool:
    """Keep a fact of a turn; false when there is no such turn."""
    row = db.execute("SELECT record FROM turns WHERE id = ?", (turn,)).fetchone()
    if row is None:
        return False
    with suppress(*ODD):  # a record that cannot be read stays as it is
        record = json_of(row[0], dict) if row[0] else {}
        notes = record.setdefault("notes", [])
        if fact not in notes:  # one that is told again is there already
            notes.append(fact)
            text = orjson.dumps(record).decode()
            db.execute("UPDATE turns SET record = ? WHERE id = ?", (text, turn))
    return True


def note_delivery(db: sqlite3.Connection, turn: int, n: int, fact: Plain) -> bool:
    """Keep a fact of a delivery; false when there is no such delivery."""
    text = orjson.dumps(fact).decode()
    sql = "UPDATE outbox SET notes = iif(json_valid(notes), json_patch(notes, ?), ?) WHERE turn = ? AND n = ?"
    return db.execute(sql, (text, text, turn, n)).rowcount == 1


def requeue(db: sqlite3.Connection, turn: int, unreadable: Unreadable) -> Turn | None:
    """Make a failed or dead turn ``queued`` again; None when it is neither, or still has something to send.

    Raises:
        StoreUnreadable: its message cannot be read; nothing was changed.
    """
    row = db.execute(
        "UPDATE turns SET state = 'queued', attempt = 1, finished = NULL, reason = NULL, "
        "record = NULL WHERE id = ? AND state IN ('failed', 'dead') "
        "AND NOT EXISTS (SELECT * FROM outbox AS o WHERE o.turn = turns.id "
        "AND o.state NOT IN ('sent', 'dead', 'discarded')) RETURNING message",
        (turn,),
    ).fetchone()
    if row is None:
        return None
    message = unreadable.read(turn_name(turn), partial(message_of, row[0]))
    db.execute("DELETE FROM outbox WHERE turn = ?", (turn,))
    db.execute("INSERT OR REPLACE INTO memo VALUES (?, ?, 'true')", (turn, RETRIED))
    return Turn(turn, message, memo={RETRIED: True})


def put_aside(db: sqlite3.Connection, platform: str, bot: str, key: str) -> None:
    """Keep a bot's value that cannot be read for the operator, where no bot looks for it."""
    db.execute(
        "UPDATE OR REPLACE keep SET platform = 'unreadable', bot = platform || '/' || bot, ends = ? "
        "WHERE platform = ? AND bot = ? AND key = ?",
        (time.time() + _ASIDE_FOR, platform, bot, key),
    )


def is_aside(db: sqlite3.Connection, platform: str, bot: str, key: str) -> bool:
    """Whether a bot's value under a key was put aside lately."""
    sql = "SELECT 1 FROM keep WHERE platform = 'unreadable' AND bot = ? AND key = ?"
    return db.execute(sql, (f"{platform}/{bot}", key)).fetchone() is not None


def purge(db: sqlite3.Connection, older_than: float, limit: int) -> int:
    """Delete what ended before a moment (Unix seconds), ``limit`` rows of a kind; returns how many.

    What is known of a session (up to where it was forgotten) goes with the last of its old turns.
    """
    first = ids.at(older_than)
    sent = db.execute(
        "DELETE FROM outbox WHERE (turn, n) IN (SELECT turn, n FROM outbox "
        "WHERE turn < ? AND state IN ('sent', 'discarded') LIMIT ?)",
        (first, limit),
    )
    gone = db.execute(
        f"DELETE FROM turns WHERE id IN (SELECT id FROM turns WHERE id < ? AND NOT {OPEN} LIMIT ?)",
        (first, limit),
    )
    db.execute(
        "DELETE FROM sessions WHERE updated < ? AND NOT EXISTS "
        "(SELECT 1 FROM turns WHERE turns.session = sessions.session AND turns.id < ?)",
        (older_than, first),
    )
    return max(sent.rowcount, gone.rowcount)


def purge_kept(db: sqlite3.Connection, now: float, limit: int) -> int:
    """Delete what was kept until a moment before ``now`` (Unix seconds), ``limit`` rows; returns how many."""
    return db.execute(
        "DELETE FROM keep WHERE (platform, bot, key) IN "
        "(SELECT platform, bot, key FROM keep WHERE ends < ? LIMIT ?)",
        (now, limit),
    ).rowcount
