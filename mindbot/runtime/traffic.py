"""What each bot took in and sent since the daemon started, in plain counters."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from mindbot.domain.failures import cause_of
from mindbot.domain.shapes.daemon import TrafficJson
from mindbot.runtime.lately import Lately
from mindbot.runtime.stats import Histogram, Times

MINUTES = 30
_RECEIVED, _SENT, _FAILED = range(3)
#: A bot is in doubt when so many attempts of the last minutes failed, at least so large a share of all, and
#: none arrived for so many seconds: what single users refuse is none of its faults.
_FEW, _SHARE, _MINUTES, _NONE_FOR = 5, 0.5, 5, 10.0


@dataclass(slots=True)
class TrafficCounts:
    """``doubted`` is what `doubt` said last.

    ``last_message``, ``last_sent`` and ``failed`` are Unix seconds, 0 for never; ``error`` is why the
    last attempt failed, while nothing was sent since. ``last_error`` stays, with when that was.

    ``lately`` counts by minute what was received, what was sent, and attempts to send that failed.
    """

    received: int = 0
    duplicates: int = 0
    sent: int = 0
    retried: int = 0
    dead: int = 0
    last_message: float = 0.0
    last_sent: float = 0.0
    failed: float = 0.0
    error: str = ""
    last_failed: float = 0.0
    last_error: str = ""
    doubted: str = ""
    lately: Lately = field(default_factory=lambda: Lately(3, MINUTES, 60.0))

    def took(self, *, duplicate: bool) -> None:
        """Count a message from the platform."""
        if duplicate:
            self.duplicates += 1
        else:
            self.received += 1
            self.lately.add(_RECEIVED)
            self.last_message = time.time()

    def delivered(self, when: float) -> None:
        """Count a delivery that the platform accepted."""
        self.sent += 1
        self.lately.add(_SENT)
        self.last_sent, self.failed, self.error = when, 0.0, ""

    def refused(self, error: str, *, dead: bool) -> None:
        """Count an attempt that failed, for good or for now."""
        if dead:
            self.dead += 1
        else:
            self.retried += 1
        self.lately.add(_FAILED)
        self.failed, self.error = time.time(), error
        self.last_failed, self.last_error = self.failed, error

    def doubt(self, now: float) -> str:
        """Return why it is in doubt that the platform takes what is sent, until it takes something.

        ``now`` is Unix seconds. One cause is told in the words it was told in first.
        """
        if not self.error or not any(self.lately.series(_FAILED)):  # or it is long ago, and nobody knows
            self.doubted = ""
        elif self.doubted:
            if cause_of(self.doubted) != cause_of(self.error):
                self.doubted = self.error
        elif now - self.last_sent >= _NONE_FOR:
            failed = sum(self.lately.series(_FAILED)[-_MINUTES:])
            sent = sum(self.lately.series(_SENT)[-_MINUTES:])
            if failed >= _FEW and failed >= _SHARE * (failed + sent):
                self.doubted = self.error
        return self.doubted

    def to_json(self, waiting: int) -> TrafficJson:
        """Return them, and beside them how many deliveries are ``waiting``."""
        return {
            "received": self.received,
            "duplicates": self.duplicates,
            "sent": self.sent,
            "retried": self.retried,
            "dead": self.dead,
            "waiting": waiting,
            "last_message": self.last_message,
            "last_sent": self.last_sent,
            "failed": self.failed,
            "error": self.error,
            "last_failed": self.last_failed,
            "last_error": self.last_error,
            "minutes": {
                "received": self.lately.series(_RECEIVED),
                "sent": self.lately.series(_SENT),
                "failed": self.lately.series(_FAILED),
            },
        }


class Traffic:
    """By platform and bot; also of bots that are gone."""

    def __init__(self) -> None:
        self._bots: dict[tuple[str, str], TrafficCounts] = {}
        self.sends = Times(Histogram)  # what the platform took for each, in seconds

    def __iter__(self) -> Iterator[tuple[tuple[str, str], TrafficCounts]]:
        return iter(list(self._bots.items()))

    def of(self, platform: str, bot: str) -> TrafficCounts:
        """Return a bot's counters."""
        found = self._bots.get((platform, bot))
        if found is None:
            found = self._bots[platform, bot] = TrafficCounts()
        return found
