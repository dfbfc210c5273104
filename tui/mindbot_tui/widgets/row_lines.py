"""The lines of a list's rows, kept by all that they show: while a list follows, most only move up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from textual.strip import Strip

from mindbot_tui.cells import fit
from mindbot_tui.widgets.columns import Cell, Column
from mindbot_tui.widgets.paint import Piece

_MOST = 256  # lines that are kept: a screen has fewer


class RowLines:
    """``strip`` makes a line of its pieces, as `Painter.strip`. `forget` them where the colours change."""

    def __init__(self, strip: Callable[[list[Piece], int, str], Strip]) -> None:
        self._strip = strip
        self._columns: Sequence[tuple[Column[Any], int]] = ()
        self._kept: dict[object, Strip] = {}

    def forget(self) -> None:
        """Keep none."""
        self._kept = {}

    def use(self, columns: Sequence[tuple[Column[Any], int]]) -> None:
        """Draw these columns, each with its width."""
        self._columns = columns
        self.forget()

    def line(self, row: Any, width: int, ground: str, *, marked: bool) -> Strip:
        """Return the line of a row; ``ground`` names the style that lies under it."""
        cells = [c.cell(row) if c.draw is None else tuple(c.draw(row, size)) for c, size in self._columns]
        shown = width, ground, marked, *cells
        made = self._kept.get(shown)
        if made is None:
            if len(self._kept) >= _MOST:
                self.forget()
            made = self._kept[shown] = self._strip(self._pieces(cells, marked), width, ground)
        return made

    def _pieces(self, cells: Sequence[Any], marked: bool) -> list[Piece]:
        pieces: list[Piece] = []
        lead: Piece = ("▌", "accent") if marked else (" ", "text")
        for found, (column, size) in zip(cells, self._columns, strict=True):
            pieces.append(lead)
            lead = (" ", "text")
            if column.draw is not None:
                pieces += found
            else:
                pieces.append(_cell(found, size, right=column.right))
        return pieces


def _cell(cell: Cell, size: int, *, right: bool) -> Piece:
    text, name = cell
    return fit(text, size, right=right), name if text else "text"
