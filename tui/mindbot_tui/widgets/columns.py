"""Columns of fixed and of shared width."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

R = TypeVar("R", contravariant=True)

Cell = tuple[str, str]  # a text and the name of its style


@dataclass(frozen=True)
class Column(Generic[R]):
    """``width`` cells, or with 0 a share of what is left by ``weight``.

    ``wide`` replaces ``width`` on lists of at least 120 cells; ``least`` is the width of list from which on
    the column is shown. ``draw`` replaces ``cell`` for pieces that depend on the width.
    """

    title: str
    cell: Callable[[R], Cell]
    width: int = 0
    weight: int = 1
    wide: int = 0
    right: bool = False
    least: int = 0
    draw: Callable[[R, int], list[tuple[str, str]]] | None = None


WIDE = 120


def measure(columns: Sequence[Column[R]], width: int) -> list[tuple[Column[R], int]]:
    """Return the columns that are shown on a list of this width, with their widths, one blank apart."""
    shown = [column for column in columns if width >= column.least]
    fixed = [(c.wide if c.wide and width >= WIDE else c.width) for c in shown]
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
