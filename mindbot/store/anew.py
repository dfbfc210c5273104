"""A start from now: what an older state left open is not said any more, and nobody old is answered.

A restored database stands where its backup was taken. Its open turns were answered since, or are stale; its
deliveries were sent; what platforms keep for a cursor was read. All of it stays, as dead letters.
"""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass

from mindbot.store.backup import OURS, RESTORED, note, noted
from mindbot.store.recovery import OPEN

_FROM = "from now"
_UNSENT = "state <> 'sent' AND state IN ('open', 'pending', 'sending', 'unknown')"


@dataclass(frozen=True, slots=True)
class Anew:
    """``since``: what was said before (Unix seconds) is not answered; 0: no such moment. ``reason`` is why
    something was put away at this start, and ``turns`` and ``deliveries`` how much; empty: nothing was."""

    since: float = 0.0
    reason: str = ""
    turns: int = 0
    deliveries: int = 0


def begin(db: sqlite3.Connection, *, from_now: bool, resume: bool) -> Anew:
    """Put away what a restored database has open, unless ``resume``; with ``from_now`` of any database."""
    restored = noted(db, RESTORED)
    since = float(noted(db, _FROM).get("since", 0.0))
    db.execute("DELETE FROM keep WHERE platform = ? AND bot = ? AND key = ?", (*OURS, RESTORED))
    if not from_now and (resume or not restored):
        return Anew(since)
    now = time.time()
    reason = "started from now"
    if restored:
        taken = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(float(restored.get("taken", 0.0))))
        reason = f"restored from a backup of {taken}"
    turns = db.execute(
        f"UPDATE turns SET state = 'dead', finished = ?, reason = ? WHERE {OPEN}", (now, reason)
    ).rowcount
    deliveries = db.execute(
        f"UPDATE outbox SET state = 'dead', ended = ?, error = ? WHERE {_UNSENT}", (now, reason)
    ).rowcount
    note(db, _FROM, {"since": now})
    return Anew(now, reason, turns, deliveries)
