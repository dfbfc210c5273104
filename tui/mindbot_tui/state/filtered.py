"""The turns that a filter lets through, kept up to date a slice at a time."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Sequence

from mindbot_tui.state.turn_row import TurnRow
from mindbot_tui.state.turns import TurnStore

SLICE = 10_000  # rows judged in one sync: about 10 ms
Predicate = Callable[[object], bool]
_GONE = TurnRow("")


class FilteredTurns:
    """A sequence of rows, oldest first. `sync` brings it up to date; nothing changes in between.

    Older turns than the store holds can be put in front of it; their places count back from -1. They are
    forgotten with the filter they were asked for with, and when the store drops what lay between.
    """

    def __init__(self, store: TurnStore) -> None:
        self.store = store
        self.keep: Predicate | None = None
        self._places: Sequence[int] = range(0)
        self._layout = -1
        self._seen = 0
        self._revision = -1
        self._unread = 0  # places below are still to be judged
        self._older: list[TurnRow] = []
        self._older_before = 0  # the place that the older ones reach up to

    def __len__(self) -> int:
        return len(self._older) + len(self._places)

    def row(self, index: int) -> TurnRow:
        """Return the row at an index from the top; an empty one when it went since the last sync."""
        place = self.place(index)
        if place < 0:
            return self._older[place]
        return self.store.rows.get(place, _GONE)

    def place(self, index: int) -> int:
        older = len(self._older)
        return index - older if index < older else self._places[index - older]

    def index_of(self, place: int) -> int:
        """Return the index of a place, or of the first one behind it."""
        older = len(self._older)
        if place < 0:
            return max(place + older, 0)
        if isinstance(self._places, range):
            return older + min(max(place - self._places.start, 0), len(self._places))
        return older + bisect_left(self._places, place)

    def index_of_turn(self, id: str) -> int | None:
        """Return the index of a turn, or None when it is not in the view."""
        place = self.store.place_of(id)
        if place is None:
            return next((index for index, row in enumerate(self._older) if row.id == id), None)
        index = self.index_of(place)
        return index if index < len(self) and self.place(index) == place else None

    @property
    def older(self) -> int:
        """How many older turns than those of the store are here."""
        return len(self._older)

    @property
    def oldest(self) -> str:
        """The id of the oldest turn that is known here; empty when there is none."""
        rows = self.store.rows
        if self._older:
            return self._older[0].id
        return rows[rows.first].id if rows else ""

    def put_older(self, rows: Sequence[TurnRow]) -> None:
        """Put rows, oldest first, in front of all others."""
        self._older[:0] = rows
        self._older_before = self.store.rows.first

    @property
    def scanning(self) -> bool:
        """Older rows are still to be judged."""
        return self.keep is not None and self._unread > self.store.rows.first

    def use(self, keep: Predicate | None) -> None:
        """Show what a predicate keeps; None shows everything."""
        self.keep = keep
        self._layout = -1
        self._older = []

    def sync(self) -> bool:
        """Catch up with the store, by at most a slice; return whether anything changed."""
        store = self.store
        if self._revision == store.revision and self._layout == store.layout and not self.scanning:
            return False
        rows = store.rows
        if self._older and (self._layout != store.layout or self._older_before != rows.first):
            self._older = []
        if self.keep is None:
            self._places = range(rows.first, rows.end)
            self._layout = store.layout
        else:
            changed = store.changed_since(self._seen)
            if self._layout != store.layout or changed is None:
                self._places, self._unread = [], rows.end
                self._layout = store.layout
                changed = []
            self._judge(changed)
            self._read_on()
        self._seen, self._revision = store.changes, store.revision
        return True

    def _judge(self, changed: Sequence[int]) -> None:
        """Take in or drop the rows that changed; forget those that are gone."""
        rows, places, keep = self.store.rows, self._places, self.keep
        assert isinstance(places, list) and keep is not None
        del places[: bisect_left(places, rows.first)]
        for place in set(changed):
            if place < max(self._unread, rows.first):
                continue
            index = bisect_left(places, place)
            here = index < len(places) and places[index] == place
            if keep(rows[place]) != here:
                if here:
                    del places[index]
                else:
                    insort(places, place)

    def _read_on(self) -> None:
        """Judge the next slice of older rows, newest first: the tail is what people look at."""
        rows, places, keep = self.store.rows, self._places, self.keep
        assert isinstance(places, list) and keep is not None
        start = max(rows.first, self._unread - SLICE)
        if start < self._unread:
            places[:0] = [place for place in range(start, self._unread) if keep(rows[place])]
        self._unread = max(start, rows.first)
