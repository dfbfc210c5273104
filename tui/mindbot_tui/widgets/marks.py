"""Lines that are marked, to act on all of them at once. A line is known by its key, wherever it goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

R = TypeVar("R")


class Marks(Generic[R]):
    """``key`` says what makes a row the same one; ``possible``: there is something to do with many."""

    def __init__(self, key: Callable[[R], str] | None, *, possible: bool) -> None:
        self._key = key
        self.possible = possible
        self._keys: set[str] = set()

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, row: R) -> bool:
        return bool(self._keys) and self._key is not None and self._key(row) in self._keys

    def same(self, one: R, other: R) -> bool:
        """Whether two rows are about the same thing."""
        return self._key is not None and self._key(one) == self._key(other)

    def toggle(self, row: R) -> None:
        """Mark a row, or mark it no longer."""
        if self._key is not None:
            self._keys ^= {self._key(row)}

    def add(self, rows: Iterable[R]) -> None:
        if self._key is not None:
            self._keys |= set(map(self._key, rows))

    def remove(self, rows: Iterable[R]) -> None:
        if self._key is not None:
            self._keys -= set(map(self._key, rows))

    def keep(self, rows: Iterable[R]) -> None:
        """Forget the marks of what is not among these any more."""
        if self._keys and self._key is not None:
            self._keys &= set(map(self._key, rows))

    def clear(self) -> None:
        self._keys.clear()
