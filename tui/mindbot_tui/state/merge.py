"""Two changes of one text put together, line by line."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher

MINE, BETWEEN, THEIRS = "<<<<<<< mine", "=======", ">>>>>>> theirs"


def merge(base: str, mine: str, theirs: str) -> tuple[str, bool]:
    """Return a text with both changes, and whether they stood apart: where both changed the same lines, both
    are there, marked."""
    before, ours, others = (text.split("\n") for text in (base, mine, theirs))
    out: list[str] = []
    apart = True
    for kept, left, right in _pieces(before, ours, others):
        if left == right or right == kept:
            out += left
        elif left == kept:
            out += right
        else:
            apart = False
            out += [MINE, *left, BETWEEN, *right, THEIRS]
    return "\n".join(out), apart


def _pieces(
    base: list[str], mine: list[str], theirs: list[str]
) -> Iterator[tuple[list[str], list[str], list[str]]]:
    """Yield stretches of the base with what each side has in their place, cut at lines that all have."""
    ours, others = _kept(base, mine), _kept(base, theirs)
    at = left = right = 0
    for n in [*(n for n in range(len(base)) if n in ours and n in others), len(base)]:
        ends = (n, ours.get(n, len(mine)), others.get(n, len(theirs)))
        piece = base[at : ends[0]], mine[left : ends[1]], theirs[right : ends[2]]
        if any(piece):
            yield piece
        if n < len(base):
            yield [base[n]], [base[n]], [base[n]]
        at, left, right = (end + 1 for end in ends)


def _kept(base: list[str], changed: list[str]) -> dict[int, int]:
    """Return the lines of the base that are still there, with where they are now."""
    blocks = SequenceMatcher(None, base, changed, autojunk=False).get_matching_blocks()
    return {block.a + n: block.b + n for block in blocks for n in range(block.size)}
