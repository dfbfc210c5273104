"""How runs went lately: for choices that go by it, and for who looks."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from mindbot.domain.turn import Clock

_RUNS = 60  # late runs that are judged
_LATELY = 600.0  # seconds after which a run says nothing any more
_ERRORS = 8


@dataclass(frozen=True, slots=True)
class RunError:
    """A run that failed; ``ts`` is Unix seconds, ``why`` has no secrets, ``turn`` is the turn's public id."""

    ts: float
    kind: str
    why: str
    node: str = ""
    turn: str = ""
    replica: str = ""


class LateRuns:
    """The late runs of a workflow or of one app. ``in_flight`` are under way, ``waiting`` wait for a slot.

    ``failing_since`` is when the first failure after a success was (Unix seconds); 0: it is well.
    ``in_a_row`` counts failures since the last success.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._runs: deque[tuple[float, bool, float]] = deque(maxlen=_RUNS)
        self.in_flight = 0
        self.waiting = 0
        self.in_a_row = 0
        self.failing_since = 0.0
        self.errors: deque[RunError] = deque(maxlen=_ERRORS)

    def answered(self, took: float) -> float | None:
        """Note a run answered after so many seconds; return those since it began to fail, if it did."""
        now = self._clock()
        self._runs.append((now, True, took))
        failing, self.failing_since, self.in_a_row = self.failing_since, 0.0, 0
        return max(0.0, now - failing) if failing else None

    def failed(self, error: RunError) -> None:
        """Note a run that failed."""
        self._runs.append((self._clock(), False, 0.0))
        self.errors.appendleft(error)
        self.in_a_row += 1
        self.failing_since = self.failing_since or self._clock()

    def _late(self) -> deque[tuple[float, bool, float]]:
        since = self._clock() - _LATELY
        while self._runs and self._runs[0][0] < since:
            self._runs.popleft()
        return self._runs

    @property
    def share(self) -> float | None:
        """Share of the late runs that were answered; None without any."""
        late = self._late()
        return sum(ok for _, ok, _ in late) / len(late) if late else None

    @property
    def latencies(self) -> list[float]:
        """Seconds of the late runs that were answered, the oldest first."""
        return [took for _, ok, took in self._late() if ok]

    @property
    def latency(self) -> float | None:
        """Their median."""
        found = sorted(self.latencies)
        return found[len(found) // 2] if found else None
