"""Cut long text into pieces that fit a platform's limit in bytes.

What people see as one character (a grapheme cluster: Unicode Standard Annex 29) is never cut where it fits,
nor is an address, or any other word in ASCII, nor a Markdown link.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import regex

from mindbot.domain.message import Part
from mindbot.domain.plain import printable as printable

#: Where to cut, best first: after a paragraph, a line, a sentence, a clause, a space. Searched from behind.
#: Runs of blanks and closing marks are taken whole, from their ends only: one that is no boundary costs its
#: length, not the square of it.
_BOUNDARIES = tuple(
    regex.compile(pattern, regex.REVERSE)
    for pattern in (
        r"\n\s*\n",
        r"\n",
        r"(?:[。！？；…][”’」』）]*+|(?<=[.!?;]))\s++(?!\s)|[。！？；…][”’」』）]*+(?![”’」』）\s])",
        r"[，、：][”’」』）]*+(?![”’」』）])",
        r"\s",
    )
)
#: What is of no use in halves: a Markdown link, an address or word in ASCII.
_WHOLE = regex.compile(r"!?\[[^\[\]\n]{0,300}+\]\([^()\s]{0,2000}+\)|[!-~]++")
_CLUSTER = regex.compile(r"\X")
_NEAR = 256  # characters: clusters are looked for in so many at once, as that takes their square
#: Between two of these a cluster always ends.
_SIMPLE = regex.compile(r"[ -~\u4e00-\u9fff]{2}", regex.REVERSE)
_LONGEST = 24 << 10  # bytes of a word that is kept whole: more than any platform takes in one message


#: Messages of text in one reply, unless a bot's settings say otherwise.
MESSAGES = 20


class Piece(NamedTuple):
    """A piece, and where it ends in the whole text."""

    text: str
    end: int


def split_bytes(text: str, limit: int) -> list[str]:
    """Cut text into pieces of at most ``limit`` bytes of UTF-8; joined, they are the text again.

    A boundary is taken where it leaves a piece at least half full, or else where no other is left; text
    without any is cut between grapheme clusters.

    Raises:
        ValueError: the limit is below 4 bytes, which one character may need.
    """
    return [piece.text for piece in pieces(text, limit)]


def pieces(text: str, limit: int) -> Iterator[Piece]:
    """Cut as `split_bytes` does, one piece after the other: who needs the first cuts no others."""
    start = 0
    while start < len(text):
        end = cut(text, start, limit)
        yield Piece(text[start:end], end)
        start = end


def head(text: str, limit: int) -> str:
    """Return the first piece, whatever the length of the rest; empty for empty text."""
    return next((piece.text for piece in pieces(text, limit)), "")


def clip(text: str, most: int) -> str:
    """Return the first ``most`` characters, less where that would cut a grapheme cluster in two."""
    return text if len(text) <= most else text[: _cluster(text, 0, most) or most]


def cut(text: str, start: int, limit: int) -> int:
    """Return where the piece that begins at ``start`` ends; it has at most ``limit`` bytes."""
    if limit < 4:
        raise ValueError(f"no character is sure to fit into {limit} bytes")
    window = _fitting(text[start : start + limit], limit)
    full = start + len(window)
    if full == len(text):
        return full
    whole = _word(text, start, full, min(limit, _LONGEST))
    end = whole or _cluster(text, start, full) or full
    best = 0
    for boundary in _BOUNDARIES:
        matches = boundary.finditer(text, start, end)
        found = next((match.end() for match in matches if _may_end(text, match.end())), 0)
        found = _outside_link(text, start, found) if found else 0
        if (found - start) * 2 >= end - start:
            return found
        best = max(best, found)
    return max(best, whole) or end


def _fitting(text: str, limit: int) -> str:
    """Return the longest head of at most ``limit`` bytes."""
    data = text.encode("utf-8", "surrogatepass")
    if len(data) <= limit:
        return text
    while data[limit] & 0xC0 == 0x80:  # 10xxxxxx goes on with the character before it
        limit -= 1
    return data[:limit].decode("utf-8", "surrogatepass")


def _word(text: str, start: int, end: int, limit: int) -> int:
    """Return where the word begins that a cut at ``end`` would halve; 0 where it halves none that fits."""
    if not ("!" <= text[end - 1] <= "~" and "!" <= text[end] <= "~"):
        first = _outside_link(text, start, end)
        return first if first < end else 0
    first = end
    while first > start and "!" <= text[first - 1] <= "~":
        first -= 1
    last = end
    while last < len(text) and last - first <= limit and "!" <= text[last] <= "~":
        last += 1
    first = _outside_link(text, start, first)
    return first if start < first and last - first <= limit else 0


def _outside_link(text: str, start: int, at: int) -> int:
    """Return ``at``, or the beginning of the link on one line that a cut there would halve."""
    opened = text.rfind("[", max(start, at - 2400), at)
    if opened < 0 or "\n" in text[opened:at]:
        return at
    opened -= opened > start and text[opened - 1] == "!"
    link = _WHOLE.match(text, opened)
    inside = link is not None and link[0].endswith(")") and "](" in link[0] and opened < at < link.end()
    return opened if inside and opened > start else at


def _may_end(text: str, at: int) -> bool:
    """Tell whether a cluster begins behind a boundary: a mark may cling to a blank, too."""
    if at >= len(text) or text[at].isascii():
        return True
    found = _CLUSTER.match(text[at - 1 : at + 1])
    return found is not None and found.end() == 1


def _cluster(text: str, start: int, end: int) -> int:
    """Return the last place up to ``end`` where a cluster begins; 0 where the first one is longer."""
    simple = _SIMPLE.search(text, max(start, end - _NEAR), end)
    at = simple.end() - 1 if simple else start
    size = _NEAR
    while True:
        window = text[at : at + size]
        ends = [at + match.end() for match in _CLUSTER.finditer(window)]
        if at + size < len(text):
            ends.pop()  # it may go on
        if not ends:
            size *= 2
            if at + size >= end + _NEAR:
                return at if at > start else 0
            continue
        fits = [place for place in ends if place <= end]
        if len(fits) < len(ends) or ends[-1] in (end, len(text)):
            found = fits[-1] if fits else at
            return found if found > start else 0
        at = ends[-1]


# --- how much of an answer is said


def cut_notice(characters: int) -> str:
    """Return what a user is told of the rest of an answer that is too long for its platform."""
    return f"（回答过长，省略了 {characters} 字 the answer was cut: {characters:,} characters left out）"


#: Cuts text into pieces of at most so many bytes, in order and late.
Cut = Callable[[str, int], Iterator[Piece]]


class Room:
    """How many messages of text a reply may have, and what is left out of it, in characters.

    Only as much is cut as is said: text of any length costs no more than what there is room for.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.left_out = 0

    def fit(self, text: str, limit: int, cut: Cut) -> list[str]:
        """Return the pieces of a text there is room for; those of nothing but blanks are none."""
        found: list[str] = []
        window = text if len(text) <= self._most * limit else text[: self._most * limit + 1]
        end = 0
        for piece in cut(window, limit):
            if piece.text.strip():
                if not self._most:
                    break
                self._most -= 1
                found.append(piece.text)
            end = piece.end
        self.left_out += len(text) - end
        return found

    def notice(self) -> list[list[Part]]:
        """Return the message that tells what is left out, if anything is: ``data["cut"]``, in characters."""
        if not self.left_out:
            return []
        return [[Part("text", cut_notice(self.left_out), {"cut": self.left_out})]]


def left_out(messages: Iterable[Sequence[Part]]) -> int:
    """Return how many characters of a reply its planned messages do not say."""
    return sum(int(part.data.get("cut", 0)) for message in messages for part in message)
