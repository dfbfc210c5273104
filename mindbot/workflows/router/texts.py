"""Texts as they are compared: one spelling, and the language they are calibrated by."""

from __future__ import annotations

import re
import unicodedata

_SPACE = re.compile(r"\s+")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_WORD = re.compile(r"[a-z]{2,}")
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


def language(text: str) -> str:
    """Return ``zh`` for a text with more Chinese characters than words in Latin letters, else ``en``."""
    return "zh" if len(_HAN.findall(text)) > len(_WORD.findall(text.lower())) else "en"
