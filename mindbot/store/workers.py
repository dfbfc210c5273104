"""A number for each process that makes ids: no two that use one store have the same.

The store counts them, so that processes that share it at one time do not meet by chance. The number is ten
bits of every id (`mindbot.domain.ids`); it comes again when 1,023 others have started since.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress

from mindbot.domain import ids
from mindbot.store.backup import note, noted
from mindbot.store.recovery import bearing
from mindbot.store.rows import json_of
from mindbot.store.unreadable import ODD, Unreadable

_WORKER = "worker"  # the store's own note of the last number given


def next_worker(db: sqlite3.Connection, unreadable: Unreadable) -> int:
    """Return the next number, and write that it is taken; where that cannot be read, as the first."""
    last = -1
    with bearing(unreadable, "which worker came last"):
        with suppress(*ODD):
            last = int(json_of(noted(db, _WORKER) or "{}", dict).get("last", -1))
        number = (last + 1) % ids.WORKERS
        note(db, _WORKER, {"last": number})
        return number
    return 0
