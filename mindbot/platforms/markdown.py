"""Markdown that is cut: code blocks are closed and opened again, tables keep their head. Pure.

Source: CommonMark 0.31 (fenced code blocks, block quotes, list items) and GitHub's tables. What models write
is read leniently: a fence counts however far it is indented inside a list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from mindbot.platforms.split import Piece, cut, head

_LINE = re.compile(
    r"(?P<quote>(?:[ \t]*+>[ \t]?)*+)(?P<indent>[ \t]*+)"
    r"(?P<item>(?:(?:[-*+]|\d{1,9}[.)])[ \t]++)*+)(?P<mark>`{3,}+|~{3,}+)?(?P<rest>.*)",
    re.DOTALL,
)
_DELIMITER = re.compile(r"[ \t]*+\|?[ \t]*+:?-++:?[ \t]*+(?:\|[ \t]*+:?-++:?[ \t]*+)*+\|?[ \t]*+")
_OPENING = 120  # bytes of a block's first line that are repeated, of code
_HEAD = 3  # a table's head is repeated where it takes at most this part of a piece
_CODE_INDENT = 4  # blanks that make a line code by themselves, outside of lists


class Block(NamedTuple):
    """A code block or a table, by places in the text.

    It begins at ``start``, what it holds is from ``body`` to ``end``, and its last line ends at ``after``.
    ``opening`` opens it again in a later piece, ``closing`` ends it in its first, ``closed`` in a later one.
    ``indent`` is how many blanks a list puts before each of its lines: a later piece has no list around it.
    """

    code: bool
    start: int
    body: int
    end: int
    after: int
    opening: str
    closing: str = ""
    closed: str = ""
    indent: int = 0


def split(text: str, limit: int) -> list[str]:
    """Cut Markdown into pieces of at most ``limit`` bytes, each of which is drawn as the whole would be."""
    return [piece.text for piece in pieces(text, limit)]


def pieces(text: str, limit: int) -> Iterator[Piece]:
    """Cut as `split` does, one piece after the other. Of code blocks without a line there is no piece."""
    found = blocks(text)
    start = 0
    while start < len(text):
        inside = _at(found, start)
        opening = inside.opening + "\n" if inside and _affordable(inside, limit) else ""
        end, closing = _end(text, start, limit - len(opening.encode()), found)
        body = text[start:end]
        if inside and inside.indent and opening:
            body = _outdented(body, inside, start)
        said = ""
        if inside is None or body.strip() or not inside.code:
            said = opening + body
            if closing and opening and _at(found, end) is inside and inside is not None:
                closing = inside.closed
            if closing:
                said += closing if said.endswith("\n") else "\n" + closing
        if (block := _ends(found, end)) is not None and closing:
            end = block.after  # it is closed already
        if said:
            yield Piece(said, end)
        start = end


def first(text: str, limit: int) -> str:
    """Return the first piece, whatever the length of the rest; empty for empty text."""
    if len(text.encode()) <= limit:
        return text
    return next((piece.text for piece in pieces(text[: limit + _OPENING], limit)), "")


def _affordable(block: Block, limit: int) -> bool:
    return len(block.opening.encode()) * _HEAD <= limit


def _end(text: str, start: int, room: int, found: list[Block]) -> tuple[int, str]:
    """Return where a piece of at most ``room`` bytes ends, and what closes the block that is open there."""
    room = max(room, 4)
    end = cut(text, start, room)
    if end == len(text):
        return end, ""
    for _ in range(3):
        block = _at(found, end, ends=True)
        if block is None:
            return end, ""
        if start < block.start and end <= block.body:
            return block.start, ""  # its first lines alone are of no use
        if not block.code:
            return end, ""
        if block.end == end and len(text[start : block.after].encode()) <= room:
            return block.after, ""
        reserve = len(block.closing.encode()) + 1
        if len(text[start:end].encode()) + reserve <= room or room <= reserve + 4:
            return end, block.closing
        end = cut(text, start, room - reserve)
    return end, ""


def _at(found: list[Block], place: int, *, ends: bool = False) -> Block | None:
    """Return the block that a cut at a place opens; with ``ends`` also one whose last line is next."""
    low, high = 0, len(found)
    while low < high:
        middle = (low + high) // 2
        if found[middle].after <= place:
            low = middle + 1
        else:
            high = middle
    if low == len(found) or found[low].start >= place:
        return None
    block = found[low]
    return block if place < block.end or (ends and block.code and place == block.end) else None


def _ends(found: list[Block], place: int) -> Block | None:
    block = _at(found, place, ends=True)
    return block if block is not None and block.end == place else None


def _outdented(body: str, block: Block, start: int) -> str:
    """Return lines of a block without the blanks of the list that it stood in."""
    whole = body[: max(0, block.after - start)]
    blanks = re.compile(rf"^((?:[ \t]*>[ \t]?)*) {{0,{block.indent}}}", re.MULTILINE)
    return blanks.sub(r"\1", whole) + body[len(whole) :]


# --- which lines are what


def blocks(text: str) -> list[Block]:
    """Return the code blocks and tables of a text, in order."""
    found: list[Block] = []
    if "```" not in text and "~~~" not in text and "|" not in text:
        return found
    lines = _Lines(text)
    while lines.left:
        block = lines.code() or lines.table()
        if block is not None:
            found.append(block)
        else:
            lines.skip()
    return found


class _Lines:
    """Reads a text line by line, each one once or twice. ``_listed`` tells whether a list may still go on."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines(keepends=True) if "\r" in text else _lines(text)
        self._n = 0
        self._place = 0
        self._listed = False
        self._blank = True

    @property
    def left(self) -> bool:
        return self._n < len(self._lines)

    def skip(self) -> str:
        """Go on to the next line; returns this one."""
        line = self._lines[self._n]
        self._take(line, _parts(line))
        return line

    def _take(self, line: str, found: re.Match[str]) -> None:
        self._n += 1
        self._place += len(line)
        if found["item"]:
            self._listed = True
        elif self._blank and not found["indent"] and line.strip():
            self._listed = False
        self._blank = not line.strip()

    def code(self) -> Block | None:
        """Read a code block, if one begins here."""
        line = self._lines[self._n]
        if "```" not in line and "~~~" not in line:
            return None
        found = _parts(line)
        quote, indent, item, mark, rest = found.groups()
        if not mark or (mark[0] == "`" and "`" in rest):
            return None
        if len(indent) >= _CODE_INDENT and not (self._listed or item):
            return None
        start = self._place
        self._take(line, found)
        body = self._place
        inner = indent + " " * len(item)
        end = self._body(mark, quote.count(">"), len(inner) + _CODE_INDENT)
        opening = f"{quote}{mark}{rest}".rstrip()
        if len(opening) * 4 > _OPENING:
            opening = head(opening, _OPENING)
        closed, closing = f"{quote}{mark}", f"{quote}{inner}{mark}"
        return Block(True, start, body, end, self._place, opening, closing, closed, len(inner))

    def _body(self, mark: str, quotes: int, indent: int) -> int:
        """Go on behind the block that such a fence opened; returns where its closing line begins.

        What looks like a list in code is none, so that its lines need not be read further than for their end.
        """
        while self.left:
            line = self._lines[self._n]
            if quotes or mark in line:
                found = _parts(line)
                if found["quote"].count(">") < quotes:
                    break
                if self._closes(found, mark, indent):
                    end = self._place
                    self._take(line, found)
                    return end
            self._n += 1
            self._place += len(line)
            self._blank = False
        return self._place

    @staticmethod
    def _closes(line: re.Match[str], mark: str, indent: int) -> bool:
        shown = line["mark"] or ""
        same = shown.startswith(mark) and not line["item"] and not line["rest"].strip()
        return same and len(line["indent"]) < indent

    def table(self) -> Block | None:
        """Read a table, if one begins here."""
        if self._n + 1 >= len(self._lines) or "|" not in self._lines[self._n]:
            return None
        following = self._lines[self._n + 1]
        if "|" not in following or "-" not in following:
            return None
        ruler = following[len(_parts(following)["quote"]) :].rstrip("\r\n")
        if not _DELIMITER.fullmatch(ruler):
            return None
        start = self._place
        opening = (self.skip() + self.skip()).rstrip("\r\n")
        body = self._place
        while self.left and "|" in self._lines[self._n]:
            self.skip()
        return Block(False, start, body, self._place, self._place, opening)


def _parts(line: str) -> re.Match[str]:
    found = _LINE.match(line)
    assert found is not None  # each of its parts may be empty
    return found


def _lines(text: str) -> list[str]:
    found = [f"{line}\n" for line in text.split("\n")]
    found[-1] = found[-1][:-1]
    return found if found[-1] else found[:-1]
