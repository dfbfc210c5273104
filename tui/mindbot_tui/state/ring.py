"""A bounded list in which every item keeps its place for life."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Ring(Generic[T]):
    """Holds the last ``capacity`` items. Places count up from 0; those in ``[first, end)`` are here."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.end = 0
        self._slots: list[T | None] = []

    @property
    def first(self) -> int:
        return self.end - len(self._slots)

    def __len__(self) -> int:
        return len(self._slots)

    def __iter__(self) -> Iterator[T]:
        return (self[place] for place in range(self.first, self.end))

    def __contains__(self, place: int) -> bool:
        return self.first <= place < self.end

    def __getitem__(self, place: int) -> T:
        """Return the item at a place; raises IndexError when it is not here (any more)."""
        if place not in self:
            raise IndexError(f"place {place} is not in [{self.first}, {self.end})")
        item = self._slots[place % self.capacity]
        assert item is not None
        return item

    def get(self, place: int, default: T) -> T:
        """Return the item at a place, or the default when it is not here."""
        if place not in self:
            return default
        return self[place]

    def append(self, item: T) -> T | None:
        """Add an item at place ``end``; return the oldest one when it had to go."""
        gone: T | None = None
        if len(self._slots) < self.capacity:
            # Slots are filled from `place % capacity`, so a ring that was refilled starts at a multiple.
            self._slots.append(item)
        else:
            at = self.end % self.capacity
            gone = self._slots[at]
            self._slots[at] = item
        self.end += 1
        return gone

    def refill(self, items: Iterable[T]) -> None:
        """Replace everything; old places are never used again."""
        kept = list(items)[-self.capacity :]
        # The next multiple of the capacity, where slot 0 is the first place again.
        start = -(-self.end // self.capacity) * self.capacity
        self._slots = list(kept)
        self.end = start + len(kept)
