"""The verifier's book: which message was sent, acknowledged and answered, seen from the users' phones."""

from __future__ import annotations

import math
import re
import secrets
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import anyio

from mindbot.domain.message import Json
from mindbot.sim.phones import ShownMessage

_SAMPLES = 10


@dataclass(slots=True)
class TrafficEntry:
    """One message of a run. Times are ``time.perf_counter`` seconds, 0 while it did not happen."""

    number: int
    user: str
    text: str
    sent: float = 0.0
    acked: float = 0.0
    answered: float = 0.0


@dataclass(frozen=True, slots=True)
class TrafficReport:
    """What became of the messages of a run.

    ``lost`` were acknowledged and never answered, ``unacked`` never acknowledged. ``duplicated`` counts
    replies beyond the first, ``misordered`` first replies that came after the reply to a later message of
    the same user, ``other`` what users saw besides matching replies (notices, apologies). Percentiles run
    from the first attempt to the ack, or to the reply on the phone. ``cpu_s`` is the CPU this process spent.
    """

    sent: int
    acked: int
    unacked: int
    answered: int
    lost: int
    duplicated: int
    misordered: int
    other: int
    ack_p50_ms: float
    ack_p99_ms: float
    ack_p999_ms: float
    answer_p50_ms: float
    answer_p99_ms: float
    wall_s: float
    cpu_s: float
    lost_texts: list[str]
    other_texts: list[str]

    @property
    def ok(self) -> bool:
        """Every message was answered exactly once and in order."""
        return self.answered == self.sent and not (self.duplicated or self.misordered)

    def to_json(self) -> Json:
        return {name: getattr(self, name) for name in self.__slots__} | {"ok": self.ok}


class TrafficLedger:
    """Matches replies to messages.

    Each text (they go round) ends in a marker of its own, so that a reply that quotes it names its message.
    With ``equal_texts`` all are the first, without one, and a user's k-th matching reply belongs to their
    k-th message.
    """

    def __init__(self, texts: Sequence[str], count: int, users: Sequence[str], *, equal_texts: bool) -> None:
        run = secrets.token_hex(3)
        self._equal = texts[0] if equal_texts else ""
        self._marker = re.compile(rf"#{run}-(\d+)\b")
        self.entries = [
            TrafficEntry(n, users[n % len(users)], self._equal or f"{texts[n % len(texts)]} #{run}-{n}")
            for n in range(count)
        ]
        self._of_user: dict[str, list[TrafficEntry]] = defaultdict(list)
        for entry in self.entries:
            self._of_user[entry.user.lower()].append(entry)
        self._replies: dict[str, int] = defaultdict(int)  # matching replies of a user, without duplicates
        self._newest: dict[str, int] = {}  # user → number of the latest message answered
        self._missing: set[int] | None = None  # acked and unanswered, once nothing more is sent
        self._complete = anyio.Event()
        self._duplicated = self._misordered = 0
        self._other: list[str] = []
        self._last_seen = self._started = time.perf_counter()
        self._cpu = time.process_time()

    def see(self, shown: ShownMessage) -> None:
        """Record what a user sees."""
        now = time.perf_counter()
        entries = self._match(shown)
        if not entries:
            self._last_seen = now
        for entry in entries:
            self._answered(entry, shown, now)

    def _answered(self, entry: TrafficEntry, shown: ShownMessage, now: float) -> None:
        if entry.answered:
            self._duplicated += 1
            return
        self._last_seen = entry.answered = now
        if entry.number < self._newest.get(shown.user, -1):
            self._misordered += 1
        else:
            self._newest[shown.user] = entry.number
        if self._missing is not None:
            self._missing.discard(entry.number)
            if not self._missing:
                self._complete.set()

    def _match(self, shown: ShownMessage) -> list[TrafficEntry]:
        """Return the messages this reply answers: one, or several that were answered together."""
        own = self._of_user.get(shown.user)
        if own is None:
            return []  # somebody outside this run
        if self._equal:
            if self._equal in shown.text:
                self._replies[shown.user] += 1
                return [own[min(self._replies[shown.user], len(own)) - 1]]
        else:
            named = sorted({int(n) for n in self._marker.findall(shown.text)})
            entries = [self.entries[n] for n in named if n < len(self.entries)]
            found = [e for e in entries if e.user.lower() == shown.user and e.text in shown.text]
            if found:
                return found
        self._other.append(shown.text)
        return []

    async def settle(self, quiet: float, settle: float) -> None:
        """Wait until every acknowledged message is answered, or nothing came for ``quiet`` seconds.

        Then watch for ``settle`` seconds more, so that late duplicates are seen.
        """
        self._missing = {e.number for e in self.entries if e.acked and not e.answered}
        if not self._missing:
            self._complete.set()
        self._last_seen = max(self._last_seen, time.perf_counter())
        while not self._complete.is_set():
            left = self._last_seen + quiet - time.perf_counter()
            if left <= 0:
                break
            with anyio.move_on_after(left):
                await self._complete.wait()
        await anyio.sleep(settle)

    def report(self) -> TrafficReport:
        """Return the sums."""
        acked = [e for e in self.entries if e.acked]
        answered = [e for e in self.entries if e.answered]
        lost = [e for e in acked if not e.answered]
        acks = sorted(e.acked - e.sent for e in acked)
        answers = sorted(e.answered - e.sent for e in answered)
        return TrafficReport(
            sent=len(self.entries),
            acked=len(acked),
            unacked=len(self.entries) - len(acked),
            answered=len(answered),
            lost=len(lost),
            duplicated=self._duplicated,
            misordered=self._misordered,
            other=len(self._other),
            ack_p50_ms=_percentile_ms(acks, 50),
            ack_p99_ms=_percentile_ms(acks, 99),
            ack_p999_ms=_percentile_ms(acks, 99.9),
            answer_p50_ms=_percentile_ms(answers, 50),
            answer_p99_ms=_percentile_ms(answers, 99),
            wall_s=round(self._last_seen - self._started, 3),
            cpu_s=round(time.process_time() - self._cpu, 3),
            lost_texts=[e.text for e in lost[:_SAMPLES]],
            other_texts=self._other[:_SAMPLES],
        )


def _percentile_ms(ordered: Sequence[float], percent: float) -> float:
    """Return the nearest-rank percentile of sorted seconds, in milliseconds; 0 of nothing."""
    if not ordered:
        return 0.0
    rank = math.ceil(len(ordered) * percent / 100)
    return round(ordered[max(0, rank - 1)] * 1000, 3)
