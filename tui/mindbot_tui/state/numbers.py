"""The daemon in numbers: from its status when we attach, and from the stream once a second."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field

from mindbot.api import models
from mindbot.domain.shapes.events import StatsEvent

SECONDS = 60
LATELY = 5  # seconds


@dataclass
class Numbers:
    """``received`` and ``answered`` are per second, second by second, as are ``open`` turns, ``lags`` and
    ``sizes`` of memory; ``lag`` is milliseconds."""

    known: bool = False  # the daemon has told some
    received: deque[float] = field(default_factory=lambda: deque(maxlen=SECONDS))
    answered: deque[float] = field(default_factory=lambda: deque(maxlen=SECONDS))
    open: deque[float] = field(default_factory=lambda: deque(maxlen=SECONDS))
    lags: deque[float] = field(default_factory=lambda: deque(maxlen=SECONDS))
    sizes: deque[float] = field(default_factory=lambda: deque(maxlen=SECONDS))
    running: int = 0
    queued: int = 0
    outbox: int = 0
    lag: float = 0.0
    rss: int = 0
    generation: int = 0

    def take_status(self, status: models.Status) -> None:
        self.known = True
        self.running, self.queued = status.turns.running, status.turns.queued
        self.outbox = status.outbox.waiting
        self.lag, self.rss = status.loop_lag_ms, status.rss_bytes
        self.generation = status.config.generation

    def take_stats(self, event: StatsEvent) -> None:
        """Take over a ``stats`` event; what it leaves out, or says in another kind, stays."""
        self.known = True
        names = {
            "loop_lag_ms": "lag",
            "rss_bytes": "rss",
            "running": "running",
            "queued": "queued",
            "outbox": "outbox",
        }
        for theirs, ours in names.items():
            if isinstance(value := event.get(theirs), int | float):
                setattr(self, ours, value)
        self.open.append(self.running + self.queued)
        self.lags.append(self.lag)
        self.sizes.append(self.rss)
        for history, rate in ((self.received, "received_per_s"), (self.answered, "answered_per_s")):
            if isinstance(value := event.get(rate), int | float):
                history.append(value)


def lately(history: Collection[float]) -> float:
    """Return the mean of the last seconds."""
    last = list(history)[-LATELY:]
    return sum(last) / len(last) if last else 0.0
