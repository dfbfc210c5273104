"""How the lines of a text are coloured by what it is."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable
from itertools import accumulate

from mindbot_tui.widgets.paint import Piece

#: From a paragraph to its pieces, which hold all of it.
Colour = Callable[[str], list[Piece]]

MOST = 1 << 16  # characters of a paragraph that is coloured; a longer one is plain
_KEPT = 256  # paragraphs
_JSON = re.compile(
    r'(?P<accent>"(?:[^"\\]|\\.)*"(?=\s*:))|(?P<string>"(?:[^"\\]|\\.)*"?)'
    r"|(?P<number>-?\b\d[\d.eE+-]*\b|\b(?:true|false|null)\b)"
)
_SPEAKERS = frozenset(("system", "user", "assistant", "tool"))


def plain(line: str) -> list[Piece]:
    """Return a line of text; a rule between parts and the speaker of a prompt stand out."""
    if line.startswith("── "):
        return [(line, "head")]
    speaker, colon, rest = line.partition(": ")
    if colon and speaker in _SPEAKERS:
        return [(speaker + colon, "accent"), (rest, "text")]
    return [(line, "text")]


def json_colours(line: str) -> list[Piece]:
    """Return a line of JSON in its colours."""
    out: list[Piece] = []
    at = 0
    for found in _JSON.finditer(line):
        if found.start() > at:
            out.append((line[at : found.start()], "dim"))
        out.append((found[0], found.lastgroup or "text"))
        at = found.end()
    out.append((line[at:], "dim"))
    return out


def as_json(text: str) -> str | None:
    """Return a text of JSON set out in lines; None for any other."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return None


class Coloured:
    """The colours of stretches of a text, found a paragraph at a time when somebody looks there."""

    def __init__(self, colour: Colour) -> None:
        self.colour = colour
        self._known: dict[tuple[int, int], tuple[str, list[Piece], list[int]]] = {}

    def pieces(self, text: str, begin: int, end: int) -> list[Piece]:
        """Return the pieces of a stretch that lies within one paragraph."""
        at = text.rfind("\n", max(begin - MOST, 0), begin) + 1
        stop = text.find("\n", end, at + MOST)
        stop = min(len(text), at + MOST) if stop < 0 else stop
        if at < begin - MOST or stop - at >= MOST:
            return [(text[begin:end], "text")]
        return self._cut(text, at, stop, begin - at, end - at)

    def _cut(self, text: str, at: int, stop: int, begin: int, end: int) -> list[Piece]:
        paragraph, pieces, starts = self._known.get((at, stop), ("", [], []))
        if not starts or paragraph != text[at:stop]:
            if len(self._known) >= _KEPT:
                self._known.clear()
            paragraph, pieces = text[at:stop], self._paragraph(text, at, stop)
            starts = [0, *accumulate(len(part) for part, _ in pieces[:-1])]
            self._known[at, stop] = paragraph, pieces, starts
        out: list[Piece] = []
        for n in range(bisect_right(starts, begin) - 1, len(pieces)):
            if starts[n] >= end:
                break
            part, name = pieces[n]
            out.append((part[max(begin - starts[n], 0) : end - starts[n]], name))
        return out

    def _paragraph(self, text: str, at: int, stop: int) -> list[Piece]:
        """Return the pieces of a paragraph."""
        return self.colour(text[at:stop])


class Marked(Coloured):
    """The colours of a text that was made of pieces."""

    def __init__(self, lines: Iterable[list[Piece]]) -> None:
        super().__init__(lambda line: [(line, "text")])
        self._lines: dict[int, list[Piece]] = {}
        texts, at = [], 0
        for pieces in lines:
            self._lines[at] = pieces
            texts.append("".join(text for text, _ in pieces))
            at += len(texts[-1]) + 1
        self.text = "\n".join(texts)

    def _paragraph(self, text: str, at: int, stop: int) -> list[Piece]:
        return self._lines.get(at) or super()._paragraph(text, at, stop)
