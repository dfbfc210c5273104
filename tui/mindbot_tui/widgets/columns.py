"""Columns of fixed and of shared width, and the order that one of them gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from rich.cells import set_cell_size

from mindbot_tui.cells import fit

R = TypeVar("R", contravariant=True)

Cell = tuple[str, str]  # a text and the name of its style
Order = tuple[int, float, str]


@dataclass(frozen=True)
class Column(Generic[R]):
    """``width`` cells, or with 0 a share of what is left by ``weight``.

    ``wide`` replaces ``width`` on lists of at least 120 cells; ``least`` is the width of list from which on
    the column is shown. ``draw`` replaces ``cell`` for pieces that depend on the width, ``head`` the title
    where that depends on it. ``by`` is what lists are sorted by where the text does not say it: a time, say.
    """

    title: str
    cell: Callable[[R], Cell]
    width: int = 0
    weight: int = 1
    wide: int = 0
    right: bool = False
    least: int = 0
    draw: Callable[[R, int], list[tuple[str, str]]] | None = None
    head: Callable[[int], str] | None = None
    by: Callable[[R], Any] | None = None

    def order(self, row: R) -> Order:
        """Return what sorts rows by this column: numbers by their size, then texts, what is empty last."""
        value = self.by(row) if self.by is not None else self.cell(row)[0]
        if isinstance(value, int | float):
            return 0, float(value), ""
        text = str(value or "").strip()
        try:
            return 0, float(text.rstrip("%").replace(",", "")), ""
        except ValueError:
            return (1, 0.0, text.casefold()) if text else (2, 0.0, "")


WIDE = 120
NARROWEST = 3  # cells


def measure(
    columns: Sequence[Column[R]], width: int, given: Mapping[str, int] | None = None
) -> list[tuple[Column[R], int]]:
    """Return the columns that are shown on a list of this width, with their widths, one blank apart.

    ``given`` are widths that the reader chose, by title.
    """
    chosen = given or {}
    shown = [column for column in columns if width >= column.least]
    fixed = [chosen.get(c.title) or (c.wide if c.wide and width >= WIDE else c.width) for c in shown]
    left = width - sum(fixed) - len(shown) + 1
    shares = sum(c.weight for c, size in zip(shown, fixed, strict=True) if not size)
    out = []
    for column, size in zip(shown, fixed, strict=True):
        if not size:
            size = max(left * column.weight // shares, 1)
            left -= size
            shares -= column.weight
        out.append((column, size))
    return out


def titled(title: str, size: int, *, right: bool, sign: str) -> str:
    """Return a column's title in its width; ``sign`` shows that, and how, the list is sorted by it."""
    kept = set_cell_size(title, max(size - 1, 0)).rstrip() if sign else title
    return fit(kept + sign, size, right=right)
