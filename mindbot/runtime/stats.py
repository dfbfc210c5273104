"""Plain counters; /v1/metrics and status read them."""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass, field
from pathlib import Path

from mindbot.domain.turn import Turn


@dataclass(slots=True)
class Stats:
    """What happened since the start. Times are seconds."""

    started: float = field(default_factory=time.time)
    received: int = 0
    duplicates: int = 0
    recovered: int = 0
    answered: int = 0
    dropped: int = 0
    failed: int = 0
    dead: int = 0
    handler_failures: int = 0
    loop_lag: float = 0.0
    took_sum: float = 0.0

    def ended(self, turn: Turn) -> None:
        """Count the end of a turn by its state."""
        setattr(self, turn.state, getattr(self, turn.state) + 1)
        self.took_sum += turn.finished - turn.message.received


def rss_bytes() -> int:
    """Return this process's resident memory."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pages * resource.getpagesize()
