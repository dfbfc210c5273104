"""``task_patterns`` of all workflows as one set of regular expressions, looked through once a message.

Patterns are RE2, whatever their letters' case. One that is made of plain words only (``hello|hi|hey``) means
words: ``hi`` is not in *this*. Word ends that say nothing else (a plural) are allowed. What has anything else
of a regular expression is taken as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from mindbot.workflows.router.texts import LONGEST

#: Words of ASCII letters and digits; + # and . inside or behind them, escaped or not (c\+\+, node\.js).
_WORDS = re.compile(r"^(?:[a-z0-9'_\- |]|\\[+#.\-]|(?<=[a-z])#)+$", re.IGNORECASE)
_WORD_END = re.compile(r"[a-z0-9_]$", re.IGNORECASE)


def as_words(pattern: str) -> str:
    """Return what is searched for a pattern as an operator writes it."""
    if not _WORDS.match(pattern):
        return pattern
    words = [word for each in pattern.split("|") if (word := each.strip())]
    return "|".join(map(_whole, words)) or pattern


def _whole(word: str) -> str:
    return rf"\b{word}(?:s|es)?\b" if _WORD_END.search(word) else rf"\b{word}"


class Patterns:
    """Which patterns of which workflow match a text."""

    def __init__(self, patterns: Mapping[str, Sequence[str]]) -> None:
        self._of = [(name, pattern) for name, each in patterns.items() for pattern in each]
        self._set = None
        if self._of:
            import re2  # loaded only where there are patterns

            options = re2.Options()
            options.case_sensitive = False
            options.log_errors = False
            self._set = re2.Set.SearchSet(options)
            for _, pattern in self._of:
                self._set.Add(as_words(pattern))
            self._set.Compile()

    def matching(self, text: str) -> dict[str, list[str]]:
        """Return the patterns that match, by workflow."""
        found: dict[str, list[str]] = {}
        if self._set is not None:
            for number in sorted(self._set.Match(text[:LONGEST]) or ()):
                name, pattern = self._of[number]
                found.setdefault(name, []).append(pattern)
        return found


def strengths(matching: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """Return 0 to 1 for each workflow with a match: more of its patterns say more, and less where those of
    several workflows match."""
    shared = len(matching) ** 0.5
    return {name: (1 - 0.5 ** len(found)) / shared for name, found in matching.items()}
