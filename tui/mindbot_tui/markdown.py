"""Markdown for a terminal: its marks become styles, and its tables are aligned.

The usual marks of CommonMark and GitHub (headings, lists, quotes, code, tables, emphasis, links), a line at a
time: what models answer with. What is none of them stays as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice, takewhile

from rich.cells import cell_len

from mindbot_tui.cells import fit, readable

Pieces = list[tuple[str, str]]  # texts and what they are

_CELL = 40  # cells of a table's cell
# Lengths are bounded, so that a text costs what it is long.
_INLINE = re.compile(
    r"(?P<escape>\\[!-/:-@\[-`{-~])"
    r"|(?P<string>``[^`]{1,300}``|`[^`]{1,300}`)"
    r"|(?P<strong>\*\*(?=\S)[^*]{1,300}(?<=\S)\*\*|\b__(?=\S)[^_]{1,300}(?<=\S)__\b)"
    r"|(?P<dim>~~(?=\S)[^~]{1,300}(?<=\S)~~)"
    r"|(?P<name>\*(?=[^\s*])[^*]{1,300}(?<=\S)\*|\b_(?=[^\s_])[^_]{1,300}(?<=\S)_\b)"
    r"|!?\[(?P<link>[^\[\]]{0,300})\]\((?P<to>[^)\s]{0,500})\)"
)
_MARKS = {"string": "`", "strong": "*_", "dim": "~", "name": "*_"}
_HEADING = re.compile(r" {0,3}#{1,6}\s")
_BULLET = re.compile(r"(\s*)[-*+]\s+(\[[ xX]\]\s+)?(.*)")
_RULE = re.compile(r" {0,3}([-*_])(\s*\1){2,}\s*$")
_FENCE = re.compile(r"\s*(```+|~~~+)\s*(\S*)")
_ROW = re.compile(r" {0,3}\|.*\| {0,3}$")


def markdown(text: str) -> list[Pieces]:
    """Return the lines of a text, each in pieces."""
    return list(_lines(readable(text).split("\n")))


def _lines(lines: Sequence[str]) -> Iterator[Pieces]:
    fence, at = "", 0
    while at < len(lines):
        line = lines[at]
        found = _FENCE.match(line)
        if fence:
            closed = found is not None and found[1].startswith(fence) and not found[2]
            if closed:
                fence = ""
            else:
                yield [("│ ", "dim"), (line, "string")]
        elif found is not None:
            fence = found[1]
            yield [(f"│ {found[2]}".rstrip(), "dim")]
        elif _ROW.match(line) and at + 1 < len(lines) and _under(lines[at + 1]):
            rows = list(takewhile(_ROW.match, islice(lines, at, None)))
            yield from _table([rows[0], *rows[2:]])
            at += len(rows)
            continue
        else:
            yield _line(line)
        at += 1


def _under(line: str) -> bool:
    """Whether a line is the one under a table's titles."""
    return _ROW.match(line) is not None and "-" in line and not set(line) - set("|-: ")


def _line(line: str) -> Pieces:
    if _HEADING.match(line):
        return [(text, "head") for text, _ in _inline(line.strip(" #"))]
    if _RULE.match(line):
        return [("─" * 40, "dim")]
    if found := _BULLET.match(line):
        task = {"": "• ", "[ ]": "☐ "}.get((found[2] or "").strip(), "☑ ")
        return [(found[1] + task, "accent"), *_inline(found[3])]
    quoted = line.lstrip()
    if quoted.startswith(">"):
        return [("▌ ", "dim"), *_inline(quoted.lstrip("> "))]
    return _inline(line)


def _inline(text: str) -> Pieces:
    out: Pieces = []
    at = 0
    for found in _INLINE.finditer(text):
        out.append((text[at : found.start()], "text"))
        at = found.end()
        if (kind := found.lastgroup) == "escape":
            out.append((found[0][1:], "text"))
        elif kind == "to":
            out += [(found["link"], "accent"), (f" ({found['to']})", "dim")]
        elif kind is not None:
            out.append((found[0].strip(_MARKS[kind]), kind))
    out.append((text[at:], "text"))
    return [piece for piece in out if piece[0]]


def _table(lines: Sequence[str]) -> Iterator[Pieces]:
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    columns = max(map(len, rows))
    texts = [["".join(text for text, _ in _inline(cell)) for cell in row] for row in rows]
    sizes = [min(max(cell_len(row[n]) for row in texts if n < len(row)), _CELL) for n in range(columns)]
    for n, row in enumerate(texts):
        cells = [fit(cell, size) for cell, size in zip(row, sizes, strict=False)]
        yield [(" │ ".join(cells).rstrip(), "text" if n else "strong")]
        if not n:
            yield [("─┼─".join("─" * size for size in sizes), "dim")]
