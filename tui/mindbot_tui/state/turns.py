"""The turns the console knows: one row each, in the order they came, changed in place by events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mindbot.domain.shapes.events import DeliveryEvent
from mindbot.domain.turn import DONE_STATES
from mindbot_tui.state.ring import Ring
from mindbot_tui.state.turn_row import RANK, TurnRow

CAPACITY = 50_000
_MOST_CHANGES = 40_000


class TurnStore:
    """Whoever draws turns compares ``revision``; whoever filters them reads `changed_since`.

    ``layout`` counts the times that places lost their meaning: then everything is read again.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.rows: Ring[TurnRow] = Ring(capacity)
        self.revision = 0
        self.layout = 0
        self.open: set[str] = set()
        self._place: dict[str, int] = {}
        self._changes: list[int] = []
        self._changes_from = 0

    def __len__(self) -> int:
        return len(self.rows)

    def get(self, id: str) -> TurnRow | None:
        """Return a turn's row, or None for one that is not (or no longer) known."""
        place = self._place.get(id)
        return None if place is None else self.rows[place]

    def place_of(self, id: str) -> int | None:
        return self._place.get(id)

    @property
    def changes(self) -> int:
        """The number of changes so far: where a reader of `changed_since` goes on."""
        return self._changes_from + len(self._changes)

    def changed_since(self, seen: int) -> list[int] | None:
        """Return the places touched since then, or None when that is too long ago to say."""
        if seen < self._changes_from:
            return None
        return self._changes[seen - self._changes_from :]

    def apply(self, record: Mapping[str, Any], id: str) -> None:
        """Take over an event about a turn; the first one adds its row."""
        row = self.get(id)
        if row is None:
            row = self._append(id)
        elif row.done and "text" in record and RANK.get(record.get("state", ""), 0) == 0:
            row.reply = row.reason = row.error = ""  # it runs again
            row.forget_delivery()
        row.update(record)
        self._touched(row)

    def delivered(self, id: str, event: DeliveryEvent) -> None:
        """Note how a delivery of a turn fares; what was given up on stays so until the turn is told again."""
        row, state = self.get(id), event.get("state")
        if row is None or not state:
            return
        if state == "dead":
            row.delivery, row.undelivered, row.delivery_error = "undelivered", True, event.get("error", "")
        elif not row.undelivered:
            row.delivery = "sent" if state == "sent" and not event.get("left") else "waiting"
            row.delivery_error = str(event.get("error") or "") if row.delivery == "waiting" else ""
        self._touched(row)

    def merge(self, records: Iterable[Mapping[str, Any]]) -> int:
        """Take over a list read from the daemon, in any order; return how many turns were new.

        Events may have said more in the meantime: a list never sets a turn back.
        """
        fresh: dict[str, TurnRow] = {}
        for record in records:
            id = str(record.get("id", ""))
            row = self.get(id) or fresh.get(id)
            if row is None:
                row = fresh[id] = TurnRow(id)
            elif RANK.get(record.get("state", ""), 0) < RANK.get(row.state, 0):
                continue
            if row.delivery == "sent" and record.get("delivery") == "waiting":
                record = {**record, "delivery": "sent"}  # the list was read before
            row.update(record)
            if id not in fresh:
                self._touched(row)
        last = self.rows[self.rows.end - 1].id if self.rows else ""
        if any(id < last for id in fresh):
            self._rebuild(fresh)
        else:
            for id in sorted(fresh):
                self._touched(self._append(id, fresh[id]))
        return len(fresh)

    def age(self, now: float) -> None:
        """Let the time of open turns go on, for filters like ``took > 5s``."""
        for id in self.open:
            row = self.rows[self._place[id]]
            row.took = max(0.0, now - row.received)
            self._change(self._place[id])

    def _append(self, id: str, row: TurnRow | None = None) -> TurnRow:
        row = row or TurnRow(id)
        gone = self.rows.append(row)
        if gone is not None:
            del self._place[gone.id]
            self.open.discard(gone.id)
        self._place[id] = self.rows.end - 1
        return row

    def _rebuild(self, fresh: Mapping[str, TurnRow]) -> None:
        """Put rows in between others: ids sort by time."""
        self.rows.refill(sorted((*self.rows, *fresh.values()), key=lambda row: row.id))
        self._place = {row.id: place for place, row in enumerate(self.rows, self.rows.first)}
        self.open = {row.id for row in self.rows if row.state not in DONE_STATES}
        self.layout += 1
        self.revision += 1

    def _touched(self, row: TurnRow) -> None:
        if row.done:
            self.open.discard(row.id)
        else:
            self.open.add(row.id)
        self._change(self._place[row.id])

    def _change(self, place: int) -> None:
        self.revision += 1
        self._changes.append(place)
        if len(self._changes) > _MOST_CHANGES:
            half = _MOST_CHANGES // 2
            del self._changes[:half]
            self._changes_from += half
