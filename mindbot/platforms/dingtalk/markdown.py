"""Markdown as DingTalk draws it: line ends, titles, and pieces that keep code blocks whole. Pure.

Source: "Robot message types" (open.dingtalk.com/document/development/robot-message-type): a line ends with
two blanks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mindbot.platforms.split import split_bytes

_TITLE = 40  # characters
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_MARKS = re.compile(r"[#*_`>\[\]()~-]+")
_BLOCK = re.compile(r" {0,3}(#{1,6} |> ?|[-*+] |\d+[.)] |\||`{3}|~{3})")
_OPENING = 120  # bytes of a code block's first line that are repeated
#: What closing and opening a code block again costs a piece.
_RESERVE = 2 * _OPENING


def split(text: str, limit: int) -> list[str]:
    """Cut Markdown into pieces of at most ``limit`` bytes.

    A code block that is cut is closed at the end of its piece and opened again in the next.
    """
    if len(text.encode()) <= limit:
        return [text]
    pieces = []
    opening = ""
    for piece in split_bytes(text, max(limit - _RESERVE, limit // 2, 4)):
        whole = f"{opening}\n{piece}" if opening else piece
        opening = _open_at_end(whole)
        if opening:
            mark = _FENCE.match(opening)
            assert mark is not None
            whole += ("" if whole.endswith("\n") else "\n") + mark[1]
        pieces.append(whole)
    return [piece for piece in pieces if not _empty(piece)]


def _empty(piece: str) -> bool:
    """Tell whether nothing is left but a code block's own marks."""
    return all(not line.strip() or _FENCE.match(line) for line in piece.splitlines())


def _open_at_end(text: str) -> str:
    """Return the first line of the code block that is open at the end, shortened; or nothing."""
    opening = ""
    for line, inside, first in _lines(text):
        if first and inside:
            opening = line
        elif not inside:
            opening = ""
    if not opening:
        return ""
    while len(opening.encode()) > _OPENING:
        opening = opening[:-1]
    return opening


def _lines(text: str) -> Iterator[tuple[str, bool, bool]]:
    """Yield each line, whether a code block is open behind it, and whether the line is a block's mark."""
    fence = ""
    for line in text.split("\n"):
        found = _FENCE.match(line)
        if found and not fence and not (found[1][0] == "`" and "`" in found[2]):
            fence = found[1]
            yield line, True, True
        elif found and fence and found[1].startswith(fence) and not found[2].strip():
            fence = ""
            yield line, False, True
        else:
            yield line, bool(fence), False


def broken(text: str) -> str:
    """Return Markdown whose single line ends are seen: two blanks before each, outside of code."""
    lines = list(_lines(text))
    out = []
    for n, (line, inside, mark) in enumerate(lines[:-1]):
        following, _, next_mark = lines[n + 1]
        plain = not inside and not mark and not next_mark and line.strip() and following.strip()
        out.append(f"{line.rstrip()}  " if plain else line)
    return "\n".join([*out, lines[-1][0]])


def mentioning(said: str, text: str) -> str:
    """Return text behind its mentions; a heading, list or code block keeps its line to itself."""
    if not said:
        return text
    return f"{said.rstrip()}\n\n{text}" if _BLOCK.match(text) else said + text


def title_of(text: str, otherwise: str) -> str:
    """Return what notifications show of a message: the beginning of its first line."""
    for line in text.splitlines():
        if found := " ".join(_MARKS.sub(" ", line).split()):
            return found[:_TITLE]
    return otherwise or "…"
