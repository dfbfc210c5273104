"""The daemon in numbers: from its status when we attach, and from the stream once a second."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mindbot.api import models

SECONDS = 60


@dataclass
class Numbers:
    """Rates are per second, ``lag`` is milliseconds; ``history`` is how many messages came in each second."""

    received: float = 0.0
    answered: float = 0.0
    running: int = 0
    queued: int = 0
    outbox: int = 0
    dead: int = 0
    lag: float = 0.0
    rss: int = 0
    generation: int = 0
    history: deque[float] = field(default_factory=lambda: deque(maxlen=SECONDS))

    def take_status(self, status: models.Status) -> None:
        self.running, self.queued = status.turns.running, status.turns.queued
        self.outbox = status.outbox.waiting
        self.dead = status.outbox.dead + status.totals.dead
        self.lag, self.rss = status.loop_lag_ms, status.rss_bytes
        self.generation = status.config.generation

    def take_stats(self, event: Mapping[str, Any]) -> None:
        """Take over a ``stats`` event; what it leaves out, or says in another kind, stays."""
        names = {
            "received_per_s": "received",
            "answered_per_s": "answered",
            "loop_lag_ms": "lag",
            "rss_bytes": "rss",
            "running": "running",
            "queued": "queued",
            "outbox": "outbox",
        }
        for theirs, ours in names.items():
            if isinstance(value := event.get(theirs), int | float):
                setattr(self, ours, value)
        self.history.append(self.received)
