"""A start from now: what an older state left open is not said any more, and nobody old is answered.

A restored database stands where its backup was taken. Its open turns were answered since, or are stale; its
deliveries were sent; what platforms keep for a cursor was read. All of it stays, as dead letters.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress
from functools import partial

from mindbot.domain.errors import StoreUnreadable
from mindbot.domain.message import Json
from mindbot.domain.ports.store import Anew
from mindbot.store.backup import RESTORED, forget, note, noted
from mindbot.store.recovery import bearing, bury_all
from mindbot.store.rows import json_of
from mindbot.store.unreadable import Unreadable

_FROM = "from now"
_LAST = 1e11  # Unix seconds behind which no moment is meant


def begin(db: sqlite3.Connection, *, from_now: bool, resume: bool, unreadable: Unreadable) -> Anew:
    """Put away what a restored database has open, unless ``resume``; with ``from_now`` of any database.

    A mark that cannot be read says that the database was restored all the same, only not from when.
    """
    restored, mark = _read(db, RESTORED, unreadable)
    _, kept = _read(db, _FROM, unreadable)
    now = time.time()
    since = min(_number(kept, "since"), now)  # one to come would leave everybody unanswered until then
    if not from_now and (resume or not restored):
        _done(db, restored, unreadable)
        return Anew(since)
    reason = "started from now"
    if restored:
        reason = "restored from a backup"
        if taken := _number(mark, "taken"):
            reason += time.strftime(" of %Y-%m-%d %H:%M:%S", time.localtime(taken))
    turns, deliveries = bury_all(db, reason, now, unreadable)
    with bearing(unreadable, "that nobody older is answered"):
        note(db, _FROM, {"since": now})
    _done(db, restored, unreadable)
    return Anew(now, reason, turns, deliveries)


def _done(db: sqlite3.Connection, restored: bool, unreadable: Unreadable) -> None:
    """Take the mark away, as the last step: what is written one by one may be cut short."""
    if restored:
        with bearing(unreadable, "that the database was restored"):
            forget(db, RESTORED)


def _read(db: sqlite3.Connection, key: str, unreadable: Unreadable) -> tuple[bool, Json]:
    """Return whether a note of the store's is there, and what it says: nothing where it cannot be read."""
    what = f"the store's own note {key!r}"
    with bearing(unreadable, what):
        if (text := noted(db, key)) is not None:
            with suppress(StoreUnreadable):
                return True, unreadable.read(what, partial(json_of, text, dict))
            return True, {}
    return False, {}


def _number(note: Json, name: str) -> float:
    """Return a number of a note, 0 where there is none that is a moment."""
    found = note.get(name)
    return float(found) if isinstance(found, int | float) and 0 < found < _LAST else 0.0
