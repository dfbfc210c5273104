"""Patterns that cannot run away: every one is searched in time linear in the text.

People who write to a bot choose the text, so a backtracking engine would let them choose how long the event
loop stands still. RE2 cannot backtrack. Plain words joined by ``|``, the usual case, go to Python's ``re``,
which cannot either without a repeat and is six times as fast there.
"""

from __future__ import annotations

import re
from collections.abc import Callable

MAX_PATTERN = 1_000  # characters
_MAX_MEMORY = 1 << 20  # bytes a pattern may use while it runs; beyond it RE2 gets slower, not bigger
_PLAIN = re.compile(r"[^\\.^$*+?{}\[\]()]*")


def searcher(pattern: str) -> Callable[[str], bool]:
    """Return a function that says whether the pattern occurs in a text.

    The syntax is RE2's: ``\\d``, ``\\w`` and ``\\b`` know ASCII only, ``\\p{Han}`` and its like the rest.

    Raises:
        ValueError: the pattern is too long or not one.
    """
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"longer than {MAX_PATTERN:,} characters")
    if _PLAIN.fullmatch(pattern):
        words = re.compile("|".join(re.escape(word) for word in pattern.split("|"))).search
        return lambda text: words(text) is not None
    import re2

    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = _MAX_MEMORY
    try:
        search = re2.compile(pattern.encode("utf-8", "replace"), options).search
    except re2.error as error:
        raise ValueError(_reason(error)) from None
    return lambda text: search(text.encode("utf-8", "replace")) is not None


def plain_words(pattern: str) -> tuple[str, ...]:
    """Return words, one of which is in every text that the pattern is found in; none: they are not known."""
    found = pattern.removeprefix("(?i)")
    return tuple(found.split("|")) if _PLAIN.fullmatch(found) else ()


def _reason(error: Exception) -> str:
    said = error.args[0] if error.args else b""
    reason = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    if reason.startswith("invalid perl operator: (?"):
        return f"{reason}; look-around is not supported"
    if reason.startswith("invalid escape sequence: \\") and reason[-1:].isdigit():
        return f"{reason}; back-references are not supported"
    return reason
