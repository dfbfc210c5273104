"""Texts as they are compared: one spelling."""

from __future__ import annotations

import re
import unicodedata

_SPACE = re.compile(r"\s+")
#: What is read of a message by patterns, in characters.
LONGEST = 4000
#: What is compared of it: a long one says what is wanted in its beginning or at its end.
HEAD, TAIL = 300, 100


def plain(text: str) -> str:
    """Return a text in one spelling: full-width forms as ASCII, lower case, single spaces."""
    return _SPACE.sub(" ", unicodedata.normalize("NFKC", text.strip()[:LONGEST]).lower()).strip()


def gist(text: str) -> str:
    """Return what is compared of a text."""
    whole = plain(text)
    if len(whole) <= HEAD + TAIL:
        return whole
    return f"{whole[:HEAD]} {plain(text[-TAIL:])}"


def same(text: str) -> str:
    """Return what texts share that are the same but for spaces, letters' case and signs around them."""
    return plain(text).strip(" .,;:!?。，、；：！？…~～")
