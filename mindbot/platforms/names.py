"""File names on their way out: what users and models call files, as a header and a chat can show it."""

from __future__ import annotations

import unicodedata

from mindbot.domain.plain import printable

#: Control characters, line and paragraph separators, halves of characters, marks of direction and the like.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Cn"})
_JOINERS = "\u200c\u200d"  # which belong to emoji and to scripts


def file_name(name: str) -> str:
    """Return a file's name on one line, without what nobody sees or what would be a path; never empty."""
    kept = [c if c in _JOINERS or unicodedata.category(c) not in _UNSEEN else " " for c in printable(name)]
    shown = " ".join("".join("_" if c in "/\\" else c for c in kept).split())
    return shown if shown.strip(". ") else "file"
