"""One line of the frame around every view."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len
from textual.strip import Strip

from mindbot_tui.widgets.paint import Painter, Piece


class Line(Painter):
    """Draws `pieces`; `sync` looks whether they have changed."""

    DEFAULT_CSS = "Line { height: 1; }"

    def __init__(self, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._drawn: list[Piece] | None = None

    def pieces(self, width: int) -> list[Piece]:
        """Return what the line says, in at most ``width`` cells."""
        raise NotImplementedError

    def sync(self) -> None:
        """Draw again if the line says something else now."""
        found = self.pieces(self.size.width)
        if found != self._drawn:
            self._drawn = found
            self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if self._drawn is None:
            self._drawn = self.pieces(width)
        return self.strip(self._drawn, width)

    def on_resize(self) -> None:
        self._drawn = None


def fitting(groups: Iterable[list[Piece]], width: int, gap: str = "  ") -> list[Piece]:
    """Return the groups, one after the other, as many as fit: the first ones matter most."""
    out: list[Piece] = []
    used = 0
    for group in groups:
        size = sum(cell_len(text) for text, _ in group)
        if not size:
            continue
        size += len(gap) if out else 0
        if used + size > width:
            continue
        if out:
            out.append((gap, "text"))
        out += group
        used += size
    return out


def both_ends(left: list[Piece], right: list[Piece], width: int) -> list[Piece]:
    """Return two groups at the two ends of a line; the right one goes when there is no room."""
    used = sum(cell_len(text) for text, _ in (*left, *right))
    if not right or used + 1 > width:
        return left
    return [*left, (" " * (width - used), "text"), *right]
