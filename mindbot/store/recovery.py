"""What a start reads: open turns and deliveries, also out of a file that is damaged in places.

A row that cannot be read becomes a dead letter with its reason, as it is; a row whose page is damaged is left
out and counted. Everything here runs on a connection, in the store's threads.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson
import structlog

from mindbot.domain import ids
from mindbot.domain.delivery import Delivery
from mindbot.domain.errors import StoreUnreadable
from mindbot.domain.turn import Turn
from mindbot.store.database import damaged
from mindbot.store.rows import DELIVERY, delivery_name, delivery_of, open_turn_of, turn_name
from mindbot.store.unreadable import Unreadable

log = structlog.get_logger("mindbot.store")

OPEN = "state IN ('queued', 'running', 'parked', 'waiting')"
_OPEN_TURNS = f"SELECT id, message, attempt FROM turns WHERE {OPEN} AND id > ? ORDER BY id LIMIT ?"
_TURN = "SELECT id, message, attempt FROM turns WHERE id = ?"
_UNSENT = "state <> 'sent' AND state IN ('pending', 'sending', 'unknown')"
_SHOWN = "state <> 'sent' AND state IN ('open', 'pending', 'sending', 'unknown')"
_ON_SHOW = "state <> 'sent' AND state = 'open'"
# Ways to the same rows, the best first: a damaged page of an index hides nothing that the table still has,
# and one of the table nothing that an index leads to. The index of what is not sent leads into its table, as
# it has no rowid; that of sessions is read by itself.
_OPEN_IDS = (
    f"SELECT id FROM turns INDEXED BY turns_open WHERE {OPEN} AND id > ? ORDER BY id LIMIT ?",
    f"SELECT id FROM turns NOT INDEXED WHERE {OPEN} AND id > ? ORDER BY id LIMIT ?",
)
_STEPS = tuple(f"SELECT turn, step, result FROM memo WHERE turn IN ({ids})" for ids in _OPEN_IDS)
_ALL_IDS = (
    "SELECT id FROM turns INDEXED BY turns_session WHERE id > 0 ORDER BY id",
    "SELECT id FROM turns NOT INDEXED WHERE id > 0 ORDER BY id",
)
_ASIDE = -100  # where in its turn an answer goes that was on show and cannot be read

Row = tuple[Any, ...]
Place = tuple[int, int]  # a delivery's turn, and where in it
FIRST: Place = (0, 0)  # before every delivery: turns are numbered from 1


@dataclass(slots=True)
class OpenTurns:
    """A page of open turns; ``last`` is the id of its last row, and ``lost`` are those to put away."""

    turns: list[Turn] = field(default_factory=list)
    lost: list[tuple[int, str]] = field(default_factory=list)
    last: int = 0


def newest(db: sqlite3.Connection) -> int:
    """Return the highest id there is."""
    try:
        (found,) = db.execute("SELECT max(id) FROM turns").fetchone()
    except sqlite3.DatabaseError as error:
        if not damaged(error):
            raise
        (found,) = db.execute("SELECT max(id) FROM turns INDEXED BY turns_session").fetchone()
    return found or 0


def begin(db: sqlite3.Connection) -> tuple[int, list[int]]:
    """Forget the memos of ended turns; returns the highest open turn, and which turns have memos."""
    with bearing():
        db.execute(f"DELETE FROM memo WHERE turn NOT IN (SELECT id FROM turns WHERE {OPEN})")
    last, remembered = newest(db), []
    with bearing():
        last = db.execute(f"SELECT max(id) FROM turns WHERE {OPEN}").fetchone()[0] or 0
    with bearing():
        remembered = [row[0] for row in db.execute("SELECT DISTINCT turn FROM memo")]
    return last, remembered


def open_turns(db: sqlite3.Connection, after: int, limit: int, old: int, unreadable: Unreadable) -> OpenTurns:
    """Return open turns behind an id. Those up to ``old`` count one attempt more, and get their memos."""
    page = OpenTurns(last=after)
    args = (after, limit)
    for row in _rows(db, (_OPEN_TURNS, args), (_OPEN_IDS, args), (_TURN,), turn_name, unreadable):
        page.last = row[0]
        try:
            turn = unreadable.read(turn_name(row[0]), partial(open_turn_of, row))
        except StoreUnreadable as error:
            page.lost.append((row[0], error.reason))
            continue
        turn.attempt += turn.number <= old
        page.turns.append(turn)
    if after < old:
        by_id = {turn.number: turn for turn in page.turns}
        with bearing(unreadable, "the memos of open turns"):
            for number, step, result in _either(db, _STEPS, args):
                # A step whose result cannot be read runs again.
                with suppress(StoreUnreadable):
                    what = f"memo {step!r} of {turn_name(number)}"
                    found = unreadable.read(what, partial(orjson.loads, result))
                    if number in by_id:
                        by_id[number].memo[step] = found
    return page


def bury_turns(db: sqlite3.Connection, lost: Sequence[tuple[int, str]]) -> None:
    """Make turns that cannot be read dead letters; what is in their rows stays."""
    now = time.time()
    for number, reason in lost:
        with bearing():
            db.execute(
                f"UPDATE turns SET state = 'dead', finished = ?, reason = ? WHERE id = ? AND {OPEN}",
                (now, reason, number),
            )


def bury_all(db: sqlite3.Connection, reason: str, now: float, unreadable: Unreadable) -> tuple[int, int]:
    """Make dead letters of all open turns, and of all that is not sent; returns how many of each."""
    turns = _change(
        db,
        (f"UPDATE turns SET state = 'dead', finished = ?, reason = ? WHERE {OPEN}", (now, reason)),
        (_OPEN_IDS, (0, -1)),
        "id = ?",
        turn_name,
        unreadable,
    )
    deliveries = _change(
        db,
        (f"UPDATE outbox SET state = 'dead', ended = ?, error = ? WHERE {_SHOWN}", (now, reason)),
        (_ALL_IDS, ()),
        "turn = ?",
        _deliveries_of,
        unreadable,
    )
    return turns, deliveries


def open_deliveries(
    db: sqlite3.Connection, unreadable: Unreadable, after: Place = FIRST, limit: int = -1
) -> list[Delivery]:
    """Return what is not sent and not dead, in order. What was being sent is now ``unknown``.

    Of a damaged table it may be more than ``limit``: it is looked through once, not for each page.
    """
    while rows := _deliveries(db, _UNSENT, unreadable, after, limit):
        if found := _unsent(db, rows, unreadable):
            return found
        after = rows[-1][:2]
    return []


def _unsent(db: sqlite3.Connection, rows: Sequence[Row], unreadable: Unreadable) -> list[Delivery]:
    found = []
    for row in rows:
        turn, n = row[:2]
        try:
            delivery = unreadable.read(delivery_name(turn, n), partial(delivery_of, row))
        except StoreUnreadable as error:
            _given_up(row, error)
            with bearing():
                db.execute(
                    "UPDATE outbox SET state = 'dead', error = ?, ended = ? WHERE turn = ? AND n = ?",
                    (error.reason, time.time(), turn, n),
                )
            continue
        if delivery.state == "sending":
            delivery.state, delivery.again = "unknown", True
            with bearing(unreadable, delivery_name(turn, n)):
                db.execute(
                    "UPDATE outbox SET state = 'unknown', again = 1 WHERE turn = ? AND n = ?", (turn, n)
                )
        found.append(delivery)
    return found


def _given_up(row: Row, error: StoreUnreadable) -> None:
    turn, n, platform, bot = row[:4]
    where = {"platform": platform, "bot": bot, "turn": ids.show(turn), "delivery": f"{ids.show(turn)}-{n}"}
    log.warning("delivery given up", **where, error=error.reason)


def open_streams(db: sqlite3.Connection, unreadable: Unreadable) -> dict[int, Delivery]:
    """Return the answers that were on show when a process ended, by turn.

    One that cannot be read is put aside: its place in the turn is the answer's.
    """
    found: dict[int, Delivery] = {}
    for row in _deliveries(db, _ON_SHOW, unreadable):
        turn, n = row[:2]
        try:
            found[turn] = unreadable.read(delivery_name(turn, n), partial(delivery_of, row))
        except StoreUnreadable as error:
            _given_up(row, error)
            aside = (_ASIDE - n, error.reason, time.time(), turn, n)
            with bearing(unreadable, delivery_name(turn, n)):
                db.execute(
                    "UPDATE outbox SET n = ?, state = 'dead', error = ?, ended = ? WHERE turn = ? AND n = ?",
                    aside,
                )
    return found


@contextmanager
def bearing(unreadable: Unreadable | None = None, what: str = "") -> Iterator[None]:
    """Go on after a damaged page; ``what`` it was is counted where ``unreadable`` is given."""
    try:
        yield
    except sqlite3.Error as error:
        if not damaged(error):
            raise
        if unreadable is not None:
            unreadable.note(what, error)


def _deliveries(
    db: sqlite3.Connection, state: str, unreadable: Unreadable, after: Place = FIRST, limit: int = -1
) -> list[Row]:
    """Return the deliveries in a state, in order; of a damaged table those that can be read."""
    turn, n = after
    wanted = f"{state} AND (turn, n) > ({turn:d}, {n:d})"
    every = f"SELECT {DELIVERY} FROM outbox WHERE {wanted} ORDER BY turn, n LIMIT ?"
    one = tuple(
        f"SELECT {DELIVERY} FROM outbox {way} WHERE turn = ? AND {wanted} ORDER BY n"
        for way in ("INDEXED BY outbox_open", "NOT INDEXED")
    )
    return _rows(db, (every, (limit,)), (_ALL_IDS, ()), one, _deliveries_of, unreadable)


def _deliveries_of(turn: int) -> str:
    return f"deliveries of {turn_name(turn)}"


def _rows(
    db: sqlite3.Connection,
    query: tuple[str, Row],
    keys: tuple[Sequence[str], Row],
    one: Sequence[str],
    name: Callable[..., str],
    unreadable: Unreadable,
) -> list[Row]:
    """Return the rows of a query; of a damaged table those that can be read, one by one by their keys."""
    with bearing():
        return db.execute(*query).fetchall()
    found: list[Row] = []
    with bearing(unreadable, "what is open"):
        for key in _either(db, *keys):
            with bearing(unreadable, name(*key)):
                found += _either(db, one, key)
    return found


def _either(db: sqlite3.Connection, ways: Sequence[str], args: Row) -> list[Row]:
    """Return what the first of some queries finds that meets no damaged page; raises the last one's error."""
    for way in ways[:-1]:
        with bearing():
            return db.execute(way, args).fetchall()
    return db.execute(ways[-1], args).fetchall()


def _change(
    db: sqlite3.Connection,
    change: tuple[str, Row],
    keys: tuple[Sequence[str], Row],
    one: str,
    name: Callable[..., str],
    unreadable: Unreadable,
) -> int:
    """Change rows and return how many; of a damaged table those that can be, one by one by their keys."""
    with bearing():
        return db.execute(*change).rowcount
    statement, args = change
    count = 0
    with bearing(unreadable, "what is open"):
        for key in _either(db, *keys):
            with bearing(unreadable, name(*key)):
                count += db.execute(f"{statement} AND {one}", (*args, *key)).rowcount
    return count
