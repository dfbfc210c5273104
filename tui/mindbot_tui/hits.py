"""What is looked for in a text, and where it was found."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from mindbot.domain.errors import Invalid

MOST = 10_000  # hits kept; nobody goes through more


class Hits:
    """Words as they are; capitals count where some are typed; behind ``~`` stands a regular expression (RE2).

    Raises Invalid for one that is none, and for what is found where there is nothing.
    """

    def __init__(self, words: str) -> None:
        self.words = words
        self._matches = _matches(words)
        self._begins: list[int] = []
        self._ends: list[int] = []
        self.current = -1  # the hit one is at; -1 without hits
        self.wrapped = False  # the last step went over the end of the text

    def __len__(self) -> int:
        return len(self._begins)

    @property
    def count(self) -> str:
        """How many there are, for people."""
        return f"{len(self):,}" + ("+" if len(self) == MOST else "")

    def look(self, text: str, at: int) -> None:
        """Find all hits in a text; the first one from ``at`` on is where one is."""
        found = list(islice(self._matches(text), MOST))
        self._begins = [begin for begin, _ in found]
        self._ends = [end for _, end in found]
        self.current = bisect_left(self._begins, at) % len(found) if found else -1
        self.wrapped = bool(found) and found[-1][0] < at

    def step(self, by: int) -> None:
        """Go to the next hit, or the one before; from the last on to the first."""
        if self._begins:
            to = self.current + by
            self.wrapped = not 0 <= to < len(self)
            self.current = to % len(self)

    @property
    def place(self) -> int:
        """Where the hit is that one is at; only with hits."""
        return self._begins[self.current]

    def within(self, begin: int, end: int) -> Iterator[tuple[int, int, bool]]:
        """Yield the hits in a stretch of the text, cut to it; and of each whether one is at it."""
        first = max(bisect_left(self._begins, begin) - 1, 0)
        for n in range(first, len(self)):
            if self._begins[n] >= end:
                return
            if self._ends[n] > begin:
                yield max(self._begins[n], begin), min(self._ends[n], end), n == self.current


_Found = Iterator[tuple[int, int]]


def _matches(words: str) -> Callable[[str], _Found]:
    pattern: Any
    if words.startswith("~"):
        import re2  # linear in the text, whatever is typed

        options = re2.Options()
        options.log_errors = False
        options.case_sensitive = words != words.lower()
        try:
            pattern = re2.compile(words[1:], options)
        except re2.error as error:
            why = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else error
            raise Invalid(f"this is no regular expression: {why}") from error
    else:
        pattern = re.compile(re.escape(words), 0 if words != words.lower() else re.IGNORECASE)

    if pattern.search(""):
        raise Invalid("this finds nothing everywhere")

    def found(text: str) -> _Found:
        return (each.span() for each in pattern.finditer(text))

    return found
