"""What a store in memory holds: rows with the columns of `mindbot.store.schema` as attributes, JSON as text.

Nothing in it is shared with whoever wrote it: what is read is what was written, as from a disk.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from mindbot.domain.delivery import Delivery, DeliveryNotes
from mindbot.domain.errors import Conflict, StoreError
from mindbot.domain.message import Json, Message, Part
from mindbot.domain.ports.store import Kept, RolledBack
from mindbot.domain.shapes.turns import Plain
from mindbot.domain.spending import DaySpent
from mindbot.domain.turn import OPEN_STATES, Turn
from mindbot.store.rows import KeptTurn


@dataclass(slots=True)
class TurnRow:
    """A turn; ``message`` and ``record`` are JSON."""

    id: int
    platform: str
    bot: str
    key: str
    session: str
    sender: str
    received: float
    message: str
    state: Any = "queued"
    attempt: int = 1
    finished: float | None = None
    reason: str | None = None
    record: str | None = None

    @classmethod
    def of(cls, number: int, m: Message) -> TurnRow:
        return cls(number, m.platform, m.bot, m.key, m.session, m.sender, m.received, text_of(m.to_json()))

    @property
    def open(self) -> bool:
        return self.state in OPEN_STATES

    def read(self) -> Message:
        return Message.from_json(orjson.loads(self.message))

    def facts(self) -> Json:
        """Return its record."""
        found: Json = orjson.loads(self.record) if self.record else {}
        return found


@dataclass(slots=True)
class DeliveryRow:
    """A delivery; ``address``, ``parts`` and ``notes`` are JSON."""

    turn: int
    n: int
    platform: str
    bot: str
    session: str
    kind: Any
    address: str
    parts: str
    state: Any
    attempts: int
    created: float
    ended: float | None
    again: bool = False
    next_at: float = 0.0
    error: str | None = None
    sent_id: str | None = None
    notes: str | None = None

    @classmethod
    def of(cls, d: Delivery) -> DeliveryRow:
        parts = text_of([part.to_json() for part in d.parts])
        where = (d.turn, d.n, d.platform, d.bot, d.session, d.kind)
        return cls(*where, text_of(d.to), parts, d.state, d.attempts, d.created, d.ended or None)

    def read(self) -> Delivery:
        return Delivery(
            self.turn,
            self.n,
            self.platform,
            self.bot,
            self.session,
            orjson.loads(self.address),
            [Part.from_json(part) for part in orjson.loads(self.parts)],
            state=self.state,
            attempts=self.attempts,
            again=self.again,
            next_at=self.next_at,
            error=self.error or "",
            created=self.created,
            ended=self.ended or 0.0,
            sent_id=self.sent_id or "",
            notes=DeliveryNotes.from_json(orjson.loads(self.notes)) if self.notes else DeliveryNotes(),
            kind=self.kind,
        )

    def noted(self, notes: Plain) -> str | None:
        """Return its notes with these added (RFC 7396); raises StoreError for what is no JSON."""
        found: Json = orjson.loads(self.notes) if self.notes else {}
        return text_of(_patched(found, orjson.loads(text_of(notes)))) if notes else self.notes


@dataclass(slots=True)
class Tables:
    """What outlives a process: hand the same ones to the next store for a restart."""

    turns: dict[int, TurnRow] = field(default_factory=dict)
    outbox: dict[tuple[int, int], DeliveryRow] = field(default_factory=dict)
    memo: dict[int, dict[str, str]] = field(default_factory=dict)
    keep: dict[tuple[str, str, str], Kept] = field(default_factory=dict)
    spending: dict[tuple[str, str, str], DaySpent] = field(default_factory=dict)  # by day, kind, name
    owed: list[DaySpent] = field(default_factory=list)  # counted, and added with whatever is done next
    cleared: dict[str, int] = field(default_factory=dict)  # by session: the turn up to which it is forgotten
    gone: dict[str, list[RolledBack]] = field(default_factory=dict)  # by session: what was rolled back
    since: float = 0.0
    user: object | None = None  # the store that is open
    batches: int = 0
    workers: int = 0  # numbers given to those that used them
    #: Set to have every operation fail so, as on a full disk.
    error: StoreError | None = None
    _keys: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def use(self, who: object) -> None:
        """Let a store have them; raises Conflict while another one has."""
        if self.user is not None:
            raise Conflict("these tables are used by another store", hint="close it first")
        self.user = who
        self.owed.clear()

    def check(self, who: object) -> None:
        """Raise StoreError where a store may not use them, or fails on purpose."""
        if self.user is not who:
            raise StoreError("the store is closed", hint="the daemon is stopping")
        if self.error is not None:
            raise self.error
        for new in self.owed:
            place = new.day, new.by, new.who
            self.spending[place] = self.spending[place].plus(new) if place in self.spending else new
        self.owed.clear()

    def owe(self, who: object, spent: Sequence[DaySpent]) -> None:
        """Take sums to be added; raises StoreError where a store may not use the tables."""
        if self.user is not who:
            raise StoreError("the store is closed", hint="the daemon is stopping")
        self.owed += spent

    def place(self, platform: str, bot: str, key: str) -> int | None:
        """Return the turn of the message under a key."""
        return self._keys.get((platform, bot, key))

    def add(self, row: TurnRow) -> None:
        self.turns[row.id] = row
        self._keys[row.platform, row.bot, row.key] = row.id

    def remove(self, number: int) -> None:
        row = self.turns.pop(number)
        del self._keys[row.platform, row.bot, row.key]

    def of_turn(self, number: int) -> list[DeliveryRow]:
        """Return a turn's deliveries in order."""
        return [row for (turn, _), row in sorted(self.outbox.items()) if turn == number]

    def ended(self, row: TurnRow, turn: Turn, record: KeptTurn) -> Callable[[], None]:
        """Prepare the end of a turn; returns what writes it. Raises StoreError for what is no JSON."""
        notes = row.facts().get("notes")
        text = text_of({**record, "notes": notes} if isinstance(notes, list) else record)

        def write() -> None:
            row.state, row.finished, row.reason = turn.state, turn.finished, turn.reason or None
            row.record = text
            self.memo.pop(row.id, None)

        return write


def text_of(value: Any) -> str:
    """Return JSON; raises StoreError for what is none."""
    try:
        return orjson.dumps(value).decode()
    except TypeError as error:
        raise StoreError(f"not plain JSON: {error}") from error


def _patched(old: Json, new: Json) -> Json:
    found = dict(old)
    for key, value in new.items():
        if value is None:
            found.pop(key, None)
        elif isinstance(value, dict):
            before = found.get(key)
            found[key] = _patched(before if isinstance(before, dict) else {}, value)
        else:
            found[key] = value
    return found
