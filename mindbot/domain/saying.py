"""Texts that are said in one of several languages; the English one is the key."""

from __future__ import annotations

from typing import Protocol


class Say(Protocol):
    """Says a text in a language; ``{name}`` in it is filled from the keywords."""

    def __call__(self, text: str, /, **values: object) -> str: ...


def english(text: str, /, **values: object) -> str:
    """Say a text as it is written here."""
    return text.format(**values) if values else text


def ago(seconds: float, say: Say = english) -> str:
    """Return a duration in words, in its largest unit."""
    for size, text in ((86400, "{n} d"), (3600, "{n} h"), (60, "{n} min")):
        if seconds >= size:
            return say(text, n=int(seconds // size))
    return say("{n} s", n=int(max(seconds, 0)))
