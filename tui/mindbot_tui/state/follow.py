"""Following the end of a list: scrolled up it stands still and counts what has come since."""

from __future__ import annotations


class Follow:
    """``end`` is where the list stood when it was frozen; None while it follows."""

    def __init__(self) -> None:
        self.end: int | None = None

    @property
    def on(self) -> bool:
        return self.end is None

    def freeze(self, end: int) -> None:
        """Stand still; a list that stands still already stays where it is."""
        if self.end is None:
            self.end = end

    def resume(self) -> None:
        self.end = None
