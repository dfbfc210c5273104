"""Where lists get their rows from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

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
    """A source that is given its rows as a list, and shows those that a filter keeps, in an order."""

    def __init__(self) -> None:
        self.rows: Sequence[R] = ()  # those that are shown
        self.given: Sequence[R] = ()
        self._keep: Callable[[R], bool] | None = None
        self._order: Callable[[R], Any] | None = None
        self._down = False
        self._stale = True

    def put(self, rows: Sequence[R]) -> None:
        """Replace the rows."""
        self.given = rows
        self._arrange()

    def use(self, keep: Callable[[R], bool] | None) -> None:
        """Show only what a predicate keeps; None shows everything."""
        self._keep = keep
        self._arrange()

    def sort(self, order: Callable[[R], Any] | None, *, down: bool = False) -> None:
        """Show the rows in an order; None: as they were given."""
        self._order, self._down = order, down
        self._arrange()

    def _arrange(self) -> None:
        keep = self._keep
        rows = self.given if keep is None else [row for row in self.given if keep(row)]
        self.rows = rows if self._order is None else sorted(rows, key=self._order, reverse=self._down)
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
