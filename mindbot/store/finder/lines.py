"""A turn as the finder keeps it: its line of small columns, and what was said in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from mindbot.domain.turn import OPEN_STATES
from mindbot.store.finder.schema import HASHED, NUMBERS, hashed
from mindbot.store.unreadable import ODD
from mindbot.store.views import answered_by, summary_of, turn_of

#: Characters of a text that is not taken in: whoever searches looks at such a turn itself.
LONGEST = 30_000
CHANGING, UNREADABLE = 1, 2

#: How a line is written, its place in the blocks behind its turn.
WRITE = (
    f"INSERT OR REPLACE INTO seen (turn, doc, open, answered, {', '.join((*HASHED, *NUMBERS))}) "
    f"VALUES ({', '.join('?' * (4 + len(HASHED) + len(NUMBERS)))})"
)
_COLUMNS = "id, session, state, attempt, finished, reason, message, record"
SELECT = f"SELECT {_COLUMNS} FROM turns"
_NOTHING = (None,) * (len(HASHED) + len(NUMBERS))


class StoredTurn(NamedTuple):
    """A row of `mindbot.store.schema.turns`, as far as a line is made of it."""

    id: int
    session: str
    state: str
    attempt: int
    finished: float | None
    reason: str | None
    message: str
    record: str | None


class SeenLine(NamedTuple):
    """``said`` is None where it is too long, or not known."""

    turn: int
    open: int
    said: str | None
    columns: tuple[Any, ...] = (None, *_NOTHING)

    def values(self, doc: int | None) -> tuple[Any, ...]:
        """Return what `WRITE` takes."""
        return (self.turn, doc, self.open, *self.columns)


def line_of(row: StoredTurn | int) -> SeenLine:
    """Return a turn's line; of one that is not ended, or not readable, only that it has to be looked at."""
    if isinstance(row, int):
        return SeenLine(row, UNREADABLE, None)
    if row.state in OPEN_STATES:
        return SeenLine(row.id, CHANGING, None)
    try:
        record: Mapping[str, Any] = summary_of(turn_of(row))
        answered = answered_by(row)
        said = said_in(record)
    except ODD:
        return SeenLine(row.id, UNREADABLE, None)
    texts = [hashed(name, record.get(name)) for name in HASHED]
    numbers = [record.get(name) for name in NUMBERS]
    columns = (answered if answered != row.id else None, *texts, *numbers)
    return SeenLine(row.id, 0, said if len(said) <= LONGEST else None, columns)


def said_in(record: Mapping[str, Any]) -> str:
    """Return what was said in a turn, as it is compared: its case folded, the texts apart."""
    texts = (str(record.get(name) or "") for name in ("text", "quote", "reply"))
    return "\n".join(filter(None, texts)).casefold().replace("\0", "\n")
