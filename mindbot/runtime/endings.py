"""Waiting for the end of a turn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import anyio


class Endings:
    """Who waits for which turn."""

    def __init__(self) -> None:
        self._waiting: dict[int, list[anyio.Event]] = {}

    @contextmanager
    def watch(self, turn: int) -> Iterator[anyio.Event]:
        """Return what is set when a turn ends inside the block."""
        ended = anyio.Event()
        self._waiting.setdefault(turn, []).append(ended)
        try:
            yield ended
        finally:
            if not ended.is_set():
                self._waiting[turn].remove(ended)
                if not self._waiting[turn]:
                    del self._waiting[turn]

    def tell(self, turn: int) -> None:
        """Say that a turn has ended."""
        for ended in self._waiting.pop(turn, ()):
            ended.set()

    def __len__(self) -> int:
        return len(self._waiting)
