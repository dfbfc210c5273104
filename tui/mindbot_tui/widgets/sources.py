"""Where lists get their rows from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Source(Protocol[R_co]):
    """Rows by index, from the top. A place names a row for life, while its index may change."""

    def __len__(self) -> int: ...

    def row(self, index: int) -> R_co: ...

    def place(self, index: int) -> int: ...

    def index_of(self, place: int) -> int:
        """Return the index of a place, or of the first one behind it."""

    def sync(self) -> bool:
        """Catch up; return whether anything changed."""


class GivenRows(Generic[R]):
    """A source that is given its rows as a list; a row keeps its place by its key."""

    def __init__(self) -> None:
        self.rows: Sequence[R] = ()
        self._stale = True

    def put(self, rows: Sequence[R]) -> None:
        """Replace the rows."""
        self.rows = rows
        self._stale = True

    def __len__(self) -> int:
        return len(self.rows)

    def row(self, index: int) -> R:
        return self.rows[index]

    def place(self, index: int) -> int:
        return index

    def index_of(self, place: int) -> int:
        return min(place, len(self.rows))

    def sync(self) -> bool:
        stale, self._stale = self._stale, False
        return stale
