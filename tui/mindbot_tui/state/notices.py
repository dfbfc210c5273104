"""What happened to the console and its daemon, kept for the console's own log."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mindbot_tui.words import Words

KEPT = 500


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that happened. ``kind`` is ok, warn or bad; ``values`` fill the names in the text."""

    at: float
    kind: str
    text: str
    values: Mapping[str, Any]

    def said(self, words: Words) -> str:
        """Return it in the language in use."""
        return words(self.text, **self.values)


class Notices:
    """The last ones, and (``fresh``) those of health that the reader has not been told of yet."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: deque[Notice] = deque(maxlen=KEPT)
        self.count = 0  # so far
        self.fresh: list[Notice] = []

    def add(self, kind: str, text: str, /, **values: object) -> Notice:
        """Keep one, of now."""
        notice = Notice(self._clock(), kind, text, values)
        self._kept.append(notice)
        self.count += 1
        return notice

    def tell(self, kind: str, text: str, /, **values: object) -> None:
        """Keep one that the reader is to be told of, wherever they are."""
        self.fresh.append(self.add(kind, text, **values))

    def since(self, seen: int) -> list[Notice]:
        """Return those that came after the first ``seen``, as far as they are kept."""
        return list(self._kept)[seen - self.count :] if seen < self.count else []
