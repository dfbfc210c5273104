"""How a provider's calls went lately: for strategies that choose by it, and for who looks."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass

from mindbot.domain.turn import Clock

_CALLS = 60  # late calls that are judged
_LATELY = 600.0  # seconds after which a call says nothing any more
_ERRORS = 8
_MINUTE = 60


@dataclass(frozen=True, slots=True)
class LastError:
    """A failure of a call: when (Unix seconds), its kind, its words without secrets, and the key's label."""

    ts: float
    kind: str
    why: str
    key: str = ""
    model: str = ""


class Tally:
    """The late calls of one provider. ``in_flight`` are under way."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._calls: deque[tuple[float, bool, float | None]] = deque(maxlen=_CALLS)
        self._seconds: deque[tuple[int, int, int]] = deque()  # second, calls, tokens
        self.in_flight = 0
        #: Calls since the start by the key's label and by what became of them: answered, or a failure's kind.
        self.totals: Counter[tuple[str, str]] = Counter()
        self.errors: deque[LastError] = deque(maxlen=_ERRORS)

    def begin(self) -> None:
        """Count a call that is made now."""
        self.in_flight += 1
        self._count(1, 0)

    def end(self, tokens: int) -> None:
        """Count what it took."""
        self.in_flight -= 1
        if tokens:
            self._count(0, tokens)

    def answered(self, latency: float | None, key: str = "") -> None:
        """Note a call that was answered, after ``latency`` seconds to the first piece, if it had one."""
        self.totals[key, "answered"] += 1
        self._calls.append((self._clock(), True, latency))

    def failed(self, error: LastError) -> None:
        """Note a call that failed."""
        self.totals[error.key, error.kind] += 1
        self._calls.append((self._clock(), False, None))
        self.errors.appendleft(error)

    @property
    def late(self) -> Sequence[tuple[float, bool, float | None]]:
        """The calls that still say something: when, whether it was answered, seconds to the first piece."""
        since = self._clock() - _LATELY
        while self._calls and self._calls[0][0] < since:
            self._calls.popleft()
        return self._calls

    @property
    def share(self) -> float | None:
        """Share of the late calls that were answered; None without any."""
        late = self.late
        return sum(ok for _, ok, _ in late) / len(late) if late else None

    @property
    def latencies(self) -> list[float]:
        """Seconds to the first piece of the late answers, the oldest first."""
        return [seconds for _, _, seconds in self.late if seconds is not None]

    @property
    def latency(self) -> float | None:
        """Their median."""
        found = sorted(self.latencies)
        return found[len(found) // 2] if found else None

    @property
    def calls_a_minute(self) -> int:
        """Calls that were begun in the last minute."""
        return sum(calls for _, calls, _ in self._last_minute())

    @property
    def tokens_a_minute(self) -> int:
        """Tokens of the calls that ended in the last minute."""
        return sum(tokens for _, _, tokens in self._last_minute())

    def _count(self, calls: int, tokens: int) -> None:
        second, seconds = int(self._clock()), self._seconds
        if seconds and seconds[-1][0] == second:
            _, c, t = seconds[-1]
            seconds[-1] = second, calls + c, tokens + t
        else:
            seconds.append((second, calls, tokens))
            self._last_minute()

    def _last_minute(self) -> deque[tuple[int, int, int]]:
        since = self._clock() - _MINUTE
        while self._seconds and self._seconds[0][0] <= since:
            self._seconds.popleft()
        return self._seconds
