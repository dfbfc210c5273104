"""Cut long text into pieces that fit a platform's limit in bytes."""

from __future__ import annotations

import re
import unicodedata

from mindbot.domain.plain import printable as printable

#: Where to cut, best first: after a paragraph, a line, a sentence, a space.
_BOUNDARIES = (
    re.compile(r"\n\s*\n"),
    re.compile(r"\n"),
    re.compile(r"[。！？；…]+[”’」』）]*\s*|(?<=[.!?;])\s+"),
    re.compile(r"\s"),
)


def split_bytes(text: str, limit: int) -> list[str]:
    """Cut text into pieces of at most ``limit`` bytes of UTF-8; joined, they are the text again.

    A boundary is taken where it leaves a piece at least half full, or else where no other is left; text
    without any is cut between characters, an emoji and its modifiers kept together where they fit.

    Raises:
        ValueError: the limit is below 4 bytes, which one character may need.
    """
    if limit < 4:
        raise ValueError(f"no character is sure to fit into {limit} bytes")
    pieces = []
    start = 0
    while start < len(text):
        window = _head(text[start : start + limit], limit)
        end = start + len(window)
        if end < len(text):
            end = start + _cut(window, text[end])
        pieces.append(text[start:end])
        start = end
    return pieces


def _head(text: str, limit: int) -> str:
    """Return the longest head of at most ``limit`` bytes."""
    data = text.encode("utf-8", "surrogatepass")
    if len(data) <= limit:
        return text
    while data[limit] & 0xC0 == 0x80:  # 10xxxxxx goes on with the character before it
        limit -= 1
    return data[:limit].decode("utf-8", "surrogatepass")


def _cut(window: str, following: str) -> int:
    """Return how many characters of a full window make the piece."""
    best = 0
    for boundary in _BOUNDARIES:
        end = max((match.end() for match in boundary.finditer(window)), default=0)
        if end * 2 >= len(window):
            return end
        best = max(best, end)
    if best:
        return best
    at = len(window)
    while at and _clings(window[at - 1], following):
        at -= 1
        following = window[at]
    return at or len(window)


def _clings(before: str, char: str) -> bool:
    """Say whether a character is drawn as one with the character before it."""
    return (
        before == "\u200d"
        or char in "\u200d\ufe0e\ufe0f"
        or "\U0001f3fb" <= char <= "\U0001f3ff"
        or unicodedata.combining(char) != 0
    )
