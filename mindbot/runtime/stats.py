"""Plain counters; /v1/metrics and status read them."""

from __future__ import annotations

import resource
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mindbot.domain.health import WINDOW
from mindbot.domain.trail import of_this_attempt
from mindbot.domain.turn import Turn
from mindbot.runtime.lately import Lately

#: Upper bounds of the buckets that times are counted in, seconds.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class Histogram:
    """How long something took, by bucket: one integer goes up for each time; sums are made when asked."""

    __slots__ = ("_counts", "sum")

    def __init__(self) -> None:
        self.sum = 0.0
        self._counts = [0] * (len(BOUNDS) + 1)

    def add(self, seconds: float) -> None:
        """Count a time; one that the clock turned negative is none."""
        seconds = max(0.0, seconds)
        self._counts[bisect_left(BOUNDS, seconds)] += 1
        self.sum += seconds

    @property
    def counts(self) -> list[int]:
        """How many there are in each bucket, those over the last bound too."""
        return list(self._counts)

    def buckets(self) -> Iterator[tuple[str, int]]:
        """Yield each upper bound and how many took that long at most, as Prometheus counts."""
        total = 0
        for bound, count in zip((*map(str, BOUNDS), "+Inf"), self._counts, strict=True):
            total += count
            yield bound, total


#: What became of a run of a workflow, by the status of its step.
_RUNS = {"ok": "answered", "error": "failed"}

#: What is counted of turns that end, lately; dropped ones are neither, or spam would hide failures.
_ENDED = {"answered": 0, "failed": 1, "dead": 1}
_SLOT = 5.0  # seconds

#: Histograms by label values; each is made when its first time comes.
Times = defaultdict[tuple[str, ...], Histogram]


@dataclass(slots=True)
class Stats:
    """What happened since the start. Times are seconds.

    ``turns``: from receipt to the end, by state. ``stages``: by name, without the stages inside. ``models``:
    by provider, from the call to the end of the answer. ``workflows``: by name and what became of the run.
    """

    started: float = field(default_factory=time.time)
    received: int = 0
    duplicates: int = 0
    recovered: int = 0
    answered: int = 0
    dropped: int = 0
    failed: int = 0
    dead: int = 0
    loop_lag: float = 0.0
    turns: Times = field(default_factory=lambda: Times(Histogram))
    stages: Times = field(default_factory=lambda: Times(Histogram))
    models: Times = field(default_factory=lambda: Times(Histogram))
    workflows: Times = field(default_factory=lambda: Times(Histogram))
    lately: Lately = field(default_factory=lambda: Lately(2, int(WINDOW / _SLOT), _SLOT))

    def ended(self, turn: Turn) -> None:
        """Count the end of a turn by its state, and what its steps took."""
        setattr(self, turn.state, getattr(self, turn.state) + 1)
        tried = turn.message.origin == "test" or turn.message.tried_for
        if not tried and (kind := _ENDED.get(turn.state)) is not None:
            self.lately.add(kind)
        self.turns[turn.state,].add(turn.finished - turn.message.received)
        inside = [0.0] * (len(turn.spans) + 1)  # by span: what the stages inside it took
        for span in reversed(of_this_attempt(turn.spans)):
            if span.kind == "stage":
                inside[span.parent] += span.took
                self.stages[span.name,].add(span.took - inside[span.id])
            elif span.kind == "model" and span.status != "memo":
                self.models[span.name,].add(span.took)
            elif span.kind == "workflow" and span.status in _RUNS and "workflows" not in span.data:
                self.workflows[span.name, _RUNS[span.status]].add(span.took)

    def recall(self, ended: Mapping[int, tuple[int, int]]) -> None:
        """Count for the last minutes what ended before the start: answered and failed by their second."""
        now = time.time()
        for second, counts in ended.items():
            for kind, count in enumerate(counts):
                self.lately.recall(kind, count, now - second)

    def ended_lately(self) -> tuple[int, int]:
        """Return how many turns ended in the last minutes, and how many of these failed; what operators try
        out is not counted."""
        failed = self.lately.sum(1)
        return self.lately.sum(0) + failed, failed


def rss_bytes() -> int:
    """Return this process's resident memory."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pages * resource.getpagesize()
