"""What was rolled back of sessions, as it is on disk."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from mindbot.domain.message import Json
from mindbot.domain.ports.store import RolledBack

#: Rollbacks of a session that are kept. What an older one had hidden is so old by then that no model is shown
#: as much.
_MOST = 200


def with_one_more(known: Sequence[RolledBack], gone: RolledBack) -> list[RolledBack]:
    """Return what is kept once more was rolled back."""
    return [*known, gone][-_MOST:]


def to_json(gone: Sequence[RolledBack]) -> list[Json]:
    """Return them as data, as `read` reads them."""
    return [{"turns": list(each.turns), "note": each.note} for each in gone]


def read(text: str) -> list[RolledBack]:
    """Read them; what cannot be read hides nothing."""
    try:
        return [RolledBack(tuple(map(int, each["turns"])), dict(each["note"])) for each in orjson.loads(text)]
    except (ValueError, TypeError, LookupError):
        return []
