"""Log lines that others can cause as often as they like: the first at once, the rest counted.

    refused = Repeats(structlog.get_logger(__name__), "callback.refused")
    refused.tell("wecom/default", "signature", bot="wecom/default", reason="the signature is wrong")

A flood of one kind is a line at its beginning and one a minute while it lasts and at its end, which has
``repeated``, how many it stands for, and ``seconds``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

EVERY = 60.0  # seconds
MOST = 200  # kinds at a time; those beyond are one, so that their number costs no memory and no lines
_OTHERS = ("others",)


@dataclass(slots=True)
class _Kind:
    since: float
    fields: dict[str, Any]
    count: int = 0  # that were not told


class RepeatedEvents:
    """Tells of one event; `tell` is for the thread of the event loop, and works without a loop too."""

    def __init__(
        self,
        log: Any,
        event: str,
        *,
        level: str = "warning",
        every: float = EVERY,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log, self._level = log, level
        self._event = event
        self._every = every
        self._now = now
        self._kinds: dict[tuple[Hashable, ...], _Kind] = {}  # the oldest first
        self._timer: asyncio.TimerHandle | None = None

    def tell(self, *kind: Hashable, **fields: Any) -> None:
        """Log the event with these fields, unless one of its ``kind`` was logged less than a minute ago."""
        self._look()
        if kind not in self._kinds and len(self._kinds) >= MOST:
            kind = _OTHERS
        found = self._kinds.get(kind)
        if found is None:
            self._kinds[kind] = _Kind(self._now(), fields)
            self._say(self._event, **fields)
            return
        found.count += 1
        found.fields = fields
        self._wake()

    def flush(self) -> None:
        """Log at once what was counted, e.g. at the end."""
        for kind in self._kinds.values():
            self._sum_up(kind)
        self._kinds.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _say(self, event: str, **fields: Any) -> None:
        """Log as the logging is configured by now: a logger that a module made keeps what was at first."""
        getattr(self._log, self._level)(event, **fields)

    def _look(self) -> None:
        """Sum up the kinds whose time is over; one that was repeated is watched for another minute."""
        now = self._now()
        for name, kind in list(self._kinds.items()):
            if now - kind.since < self._every:
                break
            del self._kinds[name]
            if kind.count:
                self._sum_up(kind)
                self._kinds[name] = _Kind(now, kind.fields)

    def _sum_up(self, kind: _Kind) -> None:
        if kind.count:
            seconds = round(self._now() - kind.since)
            self._say(self._event, **kind.fields, repeated=kind.count, seconds=seconds)

    def _wake(self) -> None:
        """Have the count told though nothing more may come."""
        if self._timer is not None:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        oldest = next(iter(self._kinds.values()))
        self._timer = loop.call_later(max(oldest.since + self._every - self._now(), 0.01), self._late)

    def _late(self) -> None:
        self._timer = None
        self._look()
        if any(kind.count for kind in self._kinds.values()):
            self._wake()
