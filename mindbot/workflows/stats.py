"""What each workflow did by day: runs, failures, times, ratings, cost. On disk a few seconds later."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field, fields
from datetime import date, timedelta

import structlog

from mindbot.domain.errors import StoreError
from mindbot.domain.host import Keep
from mindbot.domain.message import Json
from mindbot.domain.shapes.workflows import WorkflowDayJson
from mindbot.domain.spending import BILLION
from mindbot.domain.turn import Clock

log = structlog.get_logger("mindbot.workflows")

_KEY = "stats:"
KEPT_DAYS = 400
_MOST = 100_000
_DAY = 86_400.0
#: Times are counted by size: each class is a tenth longer than the one before, the first is a millisecond.
_LEAST, _STEP = 0.001, 1.1


@dataclass(slots=True)
class DaySums:
    """One workflow's day. ``took`` counts runs by the class of their time, ``money`` is in billionths."""

    runs: int = 0
    failed: int = 0
    recovered: int = 0
    fallbacks: int = 0
    shadow: int = 0
    likes: int = 0
    dislikes: int = 0
    tokens: int = 0
    money: int = 0
    recoveries: int = 0
    recovery_s: float = 0.0
    took: dict[str, int] = field(default_factory=dict)

    def add_time(self, seconds: float) -> None:
        """Count the time of a run that was answered."""
        size = max(0, math.ceil(math.log(max(seconds, _LEAST) / _LEAST, _STEP)))
        self.took[str(size)] = self.took.get(str(size), 0) + 1

    def quantile(self, share: float) -> float | None:
        """Return the seconds within which this share of the runs ended, to a tenth; None without runs."""
        total = sum(self.took.values())
        seen = 0
        for size in sorted(self.took, key=int):
            seen += self.took[size]
            if seen >= share * total:
                return float(_LEAST * _STEP ** int(size))
        return None

    def row(self, workflow: str, day: str, currency: str) -> WorkflowDayJson:
        """Return it as a row of the API."""
        return {
            "workflow": workflow,
            "day": day,
            "runs": self.runs,
            "failed": self.failed,
            "recovered": self.recovered,
            "fallbacks": self.fallbacks,
            "shadow": self.shadow,
            "p50_s": _rounded(self.quantile(0.5)),
            "p95_s": _rounded(self.quantile(0.95)),
            "recovery_s": _rounded(self.recovery_s / self.recoveries if self.recoveries else None),
            "likes": self.likes,
            "dislikes": self.dislikes,
            "tokens": self.tokens,
            "money": self.money / BILLION,
            "currency": currency,
        }

    @classmethod
    def from_json(cls, data: Json) -> DaySums:
        """Read ``asdict`` back; what is of a newer program is left out."""
        return cls(**{each.name: data[each.name] for each in fields(cls) if each.name in data})


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


class WorkflowStats:
    """The sums of all workflows. ``save`` is called by whoever runs beside the turns."""

    def __init__(self, keep: Keep, clock: Clock) -> None:
        self._keep = keep
        self._clock = clock
        self._sums: dict[tuple[str, str], DaySums] = {}  # by day and workflow
        self._changed: set[tuple[str, str]] = set()
        #: What was added since the start, by workflow and name; it never gets less.
        self.totals: dict[tuple[str, str], float] = defaultdict(float)

    def day(self, back: int = 0) -> str:
        """Return today, or the day so many days ago, by the machine's time zone."""
        return (date.fromtimestamp(self._clock()) - timedelta(days=back)).isoformat()

    async def load(self) -> None:
        """Read today's sums of an earlier process; raises StoreError."""
        async for place, sums in self._on_disk(self.day()):
            self._sums[place] = sums

    def of(self, workflow: str) -> DaySums:
        """Return today's sums of a workflow as they are."""
        return self._sums.setdefault((self.day(), workflow), DaySums())

    def took(self, workflow: str, seconds: float) -> None:
        """Count the time of a run that was answered."""
        self.of(workflow).add_time(seconds)

    def add(self, workflow: str, **amounts: float) -> None:
        """Add to today's sums of a workflow, by their names; a sum of less than nothing is none."""
        day = self.day()
        sums = self._sums.setdefault((day, workflow), DaySums())
        for name, amount in amounts.items():
            setattr(sums, name, max(0, getattr(sums, name) + amount))
            if amount > 0:
                self.totals[workflow, name] += amount
        self._changed.add((day, workflow))

    async def save(self) -> None:
        """Write what changed. A store that fails costs nothing but time: it is tried again."""
        for day, workflow in list(self._changed):
            try:
                self._changed.discard((day, workflow))
                sums = asdict(self._sums[day, workflow])
                await self._keep.put(f"{_KEY}{day}:{workflow}", sums, ttl=KEPT_DAYS * _DAY)
            except StoreError as error:
                self._changed.add((day, workflow))
                log.warning("sums of workflows are not on disk", error=str(error))
        today = self.day()
        for place in [place for place in self._sums if place[0] != today and place not in self._changed]:
            del self._sums[place]

    async def rows(self, days: int, currency: str) -> list[WorkflowDayJson]:
        """Return what each workflow did in the last ``days``, the newest first; raises StoreError."""
        first = self.day(days - 1)
        months = sorted({self.day(back)[:7] for back in range(days)})
        found = {
            place: sums for month in months async for place, sums in self._on_disk(month) if place[0] >= first
        }
        found |= {place: sums for place, sums in self._sums.items() if place[0] >= first}
        placed = sorted(found, key=lambda place: place[1])
        placed.sort(key=lambda place: place[0], reverse=True)
        return [found[place].row(place[1], place[0], currency) for place in placed]

    async def _on_disk(self, day: str) -> AsyncIterator[tuple[tuple[str, str], DaySums]]:
        for key, value in (await self._keep.items(f"{_KEY}{day}", limit=_MOST)).items():
            on, _, workflow = key.removeprefix(_KEY).partition(":")
            try:
                yield (on, workflow), DaySums.from_json(value)
            except TypeError:  # of another program
                continue
