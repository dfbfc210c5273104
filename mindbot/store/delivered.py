"""What became of the deliveries of listed turns: one question for a page of them.

Of a message that was answered together with an earlier one (``vars.together`` is that one's turn) it is told
what became of the common answer.

SQL can decide ``undelivered`` and ``delivery in ("waiting", "undelivered", "discarded")`` by the index
`outbox_open` alone, but for those that were answered together: a filter that does so looks at them apart.
``origin`` is a field of the message on disk (``message ->> '$.origin'``); where it is not there, the message
is a user's, or a push by its kind: see `mindbot.domain.records.origin_of`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Select, select

from mindbot.domain.delivered import UNKNOWN, Delivered, delivered_of
from mindbot.store.schema import outbox
from mindbot.store.views import answered_by

Row = Any


def deliveries_of(rows: Iterable[Row | int]) -> Select[Any]:
    """Return the question for what became of listed turns; of a damaged one only its id is there."""
    turns = {answered_by(row) for row in rows if not isinstance(row, int)}
    return select(outbox.c.turn, outbox.c.n, outbox.c.state, outbox.c.error).where(
        outbox.c.turn.in_(sorted(turns))
    )


class Told:
    """What became of the deliveries of some turns, from the rows that `deliveries_of` found."""

    def __init__(self, found: Iterable[Row] = ()) -> None:
        states: dict[int, list[tuple[int, str, str]]] = {}
        for row in found:
            states.setdefault(row.turn, []).append((row.n, str(row.state), str(row.error or "")))
        self._by_turn: Mapping[int, Delivered] = {turn: delivered_of(each) for turn, each in states.items()}

    def of(self, row: Row | int) -> Delivered:
        """Return what became of a turn's."""
        return UNKNOWN if isinstance(row, int) else self._by_turn.get(answered_by(row), UNKNOWN)
