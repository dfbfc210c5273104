"""How commands print: aligned columns for people, JSON lines for pipes and ``--json``.

Plain text on purpose: rich alone costs 0.1 s of CPU, as much as the rest of a command.
"""

from __future__ import annotations

import shutil
import sys
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any, Generic, Protocol, TypeVar

import typer

from mindbot.domain.visible import json_line, visible_lines

T = TypeVar("T")

JsonOption = Annotated[bool, typer.Option("--json", help="JSON lines, as when piped.")]


def wants_json(flag: bool) -> bool:
    """Whether to print JSON: asked for, or nobody is looking."""
    return flag or not sys.stdout.isatty()


def print_json(value: Any) -> None:
    """Print one value as one line; with escapes where the output is not UTF-8, so that it stays JSON."""
    print(json_text(value), flush=True)


def json_text(value: Any) -> str:
    """Return one value as the line that `print_json` prints."""
    escape = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    return json_line(value, ascii_only=escape)


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """A title and how to get the cell; ``right`` aligns numbers.

    Where room is short, what is ``below`` stands under its row; the highest ``lesser`` goes first.
    """

    title: str
    cell: Callable[[T], str]
    right: bool = False
    below: bool = False
    lesser: int = 0


#: Columns of a terminal that any cell may take: as many as an id has.
_SHARE = 26
_INDENT = "    "
_MOST_BELOW = 4  # lines of one cell under its row


def print_table(rows: Iterable[T], shown: Sequence[Column[T]], empty: str) -> None:
    """Print rows under their titles; the last column takes what the terminal has left."""
    cells = [[one_line(column.cell(row)) for column in shown] for row in rows]
    if not cells:
        print(empty)
        return
    for line in _fitted(cells, shown, columns()):
        print(line)


class ListedRow(Protocol):
    """What the API lists."""

    def to_json(self) -> Any:
        """Return it as the API says it."""


R = TypeVar("R", bound=ListedRow)


def print_list(rows: Iterable[R], shown: Sequence[Column[R]], empty: str, *, as_json: bool) -> None:
    """Print rows as a table, or (asked for, or nobody is looking) one JSON line each."""
    if not wants_json(as_json):
        print_table(rows, shown, empty)
        return
    for row in rows:
        print_json(row.to_json())


def _fitted(cells: list[list[str]], shown: Sequence[Column[T]], most: int) -> Iterator[str]:
    """Yield the lines of a table: long cells are cut, and columns leave it, where they do not fit."""
    whole = [[column.title for column in shown], *cells]
    rows, kept = whole, list(range(len(shown)))

    def too_wide() -> bool:
        return sum(max(width(row[n]) for row in rows) for n in kept) + 2 * (len(kept) - 1) > most

    def shared() -> list[list[str]]:
        """No column takes more than its share, but for the last, which takes what is left."""
        share = max(_SHARE, most // 3)
        return [[c if n == kept[-1] else cut(c, share) for n, c in enumerate(row)] for row in whole]

    under: list[int] = []
    if too_wide():
        rows = shared()
    if too_wide() and (under := [n for n in kept if shown[n].below]):
        kept = [n for n in kept if n not in under]
        rows = shared()

    def squeezes() -> bool:
        """Whether the last column, which is cut at the edge, has not even its share left."""
        widths = [max(width(row[n]) for row in rows) for n in kept]
        return sum(widths[:-1]) + min(widths[-1], _SHARE) + 2 * (len(kept) - 1) > most

    for n in sorted(kept, key=lambda n: -shown[n].lesser):
        if shown[n].lesser and squeezes():
            kept.remove(n)
    lines = table([[row[n] for n in kept] for row in rows], [shown[n].right for n in kept], most)
    for line, row in zip(lines, [[""] * len(shown), *cells], strict=True):
        yield line
        for n in under:
            yield from _below(row[n], most)


def _below(text: str, most: int) -> Iterator[str]:
    """Yield the lines of a cell that stands under its row; one that would take the screen is cut."""
    room = most - len(_INDENT)
    lines = list(islice(folded(text, room), _MOST_BELOW + 1))
    if len(lines) > _MOST_BELOW:
        lines[-2:] = [cut(" ".join(lines[-2:]), room)]
    yield from (_INDENT + line for line in lines)


def folded(text: str, most: int) -> Iterator[str]:
    """Yield a text in lines of so many terminal columns at most, broken between words where there are any."""
    line = ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        while width(longer) > most:
            if line:
                yield line
                line, longer = "", word
                continue
            head = cut(word, most)[:-1]
            if not head:
                break
            yield head
            word = longer = word[len(head) :]
        line = longer
    if line:
        yield line


def columns() -> int:
    """Return how wide the terminal is."""
    return shutil.get_terminal_size((120, 24)).columns


def table(rows: list[list[str]], right: Sequence[bool], most: int | None = None) -> list[str]:
    """Align rows of cells by their width on a terminal, each line at most ``most`` columns wide."""
    most = most or columns()
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        padded = [
            " " * (w - width(cell)) + cell if to_right else cell + " " * (w - width(cell))
            for cell, w, to_right in zip(row, widths, right, strict=True)
        ]
        lines.append(cut("  ".join(padded).rstrip(), most))
    return lines


def width(text: str) -> int:
    """Return how many terminal columns a text takes; Chinese characters take two."""
    if text.isascii():
        return len(text)
    return sum(_width_of(c) for c in text)


def cut(text: str, most: int) -> str:
    """Shorten a text to a number of terminal columns."""
    if width(text) <= most:
        return text
    out, used = [], 1
    for c in text:
        used += _width_of(c)
        if used > most:
            break
        out.append(c)
    return "".join(out) + "…"


def milliseconds(value: float | None) -> str:
    """Return a duration for people, from milliseconds."""
    if value is None:
        return "…"
    if value < 10_000:
        return f"{value:.1f} ms"
    return f"{value / 1000:.1f} s"


def duration(seconds: float) -> str:
    """Return a long duration for people, in its two largest units."""
    units = [(int(seconds) // 86400, "d"), (int(seconds) // 3600 % 24, "h"), (int(seconds) // 60 % 60, "min")]
    units.append((int(seconds) % 60, "s"))
    first = next((n for n, (count, _) in enumerate(units) if count), len(units) - 1)
    return " ".join(f"{count} {unit}" for count, unit in units[first : first + 2])


def clock(seconds: float) -> str:
    """Return a Unix time as local time; the date only when it was not today."""
    if not seconds:
        return ""
    then, now = time.localtime(seconds), time.localtime()
    return time.strftime("%H:%M:%S" if then[:3] == now[:3] else "%Y-%m-%d %H:%M:%S", then)


def one_line(text: str) -> str:
    """A cell is one line, and no control character of a message reaches the terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def plain(text: str) -> str:
    """Return lines of text in which nothing drives the terminal or turns the words around."""
    return visible_lines(text)


def _width_of(c: str) -> int:
    if unicodedata.combining(c):
        return 0
    return 2 if unicodedata.east_asian_width(c) in "WF" else 1
