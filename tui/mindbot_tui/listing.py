"""The lines of a view, as commands know them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Markings(Protocol):
    """Marked lines."""

    def __len__(self) -> int: ...

    @property
    def possible(self) -> bool:
        """Whether lines can be marked there."""


class Listing(Protocol):
    """The lines of a view, with one of them selected."""

    @property
    def follows(self) -> bool:
        """Whether the list can follow its end."""

    @property
    def following(self) -> bool: ...

    @property
    def cursor(self) -> int:
        """The index of the selected line; -1 in an empty list."""

    def select(self, index: int) -> None: ...

    def go_on(self) -> None:
        """Follow the end again."""

    @property
    def marks(self) -> Markings:
        """What is marked in it."""

    def mark(self, by: int = 0) -> None:
        """Mark the selected line or unmark it, and go on; ``by`` 1 or -1: mark it and the one reached."""

    def mark_all(self) -> None:
        """Mark all lines that are shown, or none where all are marked."""

    def unmark(self) -> None: ...

    @property
    def sorts(self) -> bool:
        """Whether its order is the reader's to choose."""

    @property
    def sorted(self) -> str:
        """The title of the column that it is sorted by; empty: as it was."""

    @property
    def down(self) -> bool: ...

    @property
    def titles(self) -> Sequence[str]:
        """The titles of its columns that are shown."""

    def sort(self, title: str, *, down: bool = False) -> None:
        """Sort by the column of that title; empty: as it was."""

    def sort_next(self) -> None:
        """Sort by the next column; after the last one as it was."""

    def widen(self, by: int) -> None:
        """Change the width of the column that it is sorted by, or of the first that shares the room."""
