"""Times of day and days of the week, as configurations write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from mindbot.config import keys

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WHOLE = ("mon", "tues", "wednes", "thurs", "fri", "satur", "sun")
_WINDOW = re.compile(r"\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*", re.ASCII)
_DAY = 24 * 60  # minutes


def minutes(window: str) -> tuple[int, int]:
    """Return the minutes of the day at which a window such as ``22:00-06:00`` begins and ends.

    Raises:
        ValueError: it is none.
    """
    found = _WINDOW.fullmatch(window)
    if found is None:
        raise ValueError(f"{window!r} is no time window; write e.g. 09:00-18:00, or 22:00-06:00")
    begin, end = (int(found[n]) * 60 + int(found[n + 1]) for n in (1, 3))
    if int(found[2]) > 59 or int(found[4]) > 59 or begin >= _DAY or end > _DAY:
        raise ValueError(f"{window!r} holds a time that no clock shows; they go from 00:00 to 24:00")
    if begin == end:
        raise ValueError(f"{window!r} begins when it ends; leave it out for the whole day")
    return begin, end


def weekdays(names: Sequence[str]) -> frozenset[int]:
    """Return days by number, Monday 0; ``mon-fri`` is a span. Empty: no days are named.

    Raises:
        ValueError: one is none.
    """
    found: set[int] = set()
    for name in names:
        first, dash, last = name.strip().lower().partition("-")
        begin = _weekday(first.strip())
        end = _weekday(last.strip()) if dash else begin
        found.update((begin + n) % 7 for n in range((end - begin) % 7 + 1))
    return frozenset(found)


def _weekday(name: str) -> int:
    short = name[:3]
    if short not in DAYS or name not in (short, f"{_WHOLE[DAYS.index(short)]}day"):
        raise ValueError(f"{name!r} is no day; write {', '.join(DAYS)}, or e.g. mon-fri")
    return DAYS.index(short)


@cache
def zone(name: str) -> ZoneInfo | None:
    """Return a timezone by its name; None (the machine's) for an empty one.

    Raises:
        ValueError: there is none of that name.
    """
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder of them
        raise ValueError(f"{name!r} is no timezone{_meant(name)}") from None


def _meant(name: str) -> str:
    meant = keys.guess(name, sorted(available_timezones()))
    return f"; did you mean {meant}?" if meant else "; write e.g. Asia/Shanghai"


class Hours:
    """When something is: within a window of the day, on some days, on the clocks of a timezone.

    A window over midnight belongs to the day on which it begins: with ``days`` mon and 22:00-06:00, Tuesday
    03:00 is in it and Monday 03:00 is not.
    """

    __slots__ = ("_begin", "_days", "_end", "_zone")

    def __init__(self, window: str = "", days: Sequence[str] = (), timezone: str = "") -> None:
        self._begin, self._end = minutes(window) if window else (0, _DAY)
        self._days = weekdays(days)
        self._zone = zone(timezone)

    def __bool__(self) -> bool:
        """Whether it leaves anything out."""
        return bool(self._days) or (self._begin, self._end) != (0, _DAY)

    def hold(self, ts: float) -> bool:
        """Whether a moment (Unix seconds) is within."""
        then = datetime.fromtimestamp(ts, self._zone)
        minute, day = then.hour * 60 + then.minute, then.weekday()
        if self._begin < self._end:
            inside = self._begin <= minute < self._end
        elif minute < self._end:
            inside, day = True, (day - 1) % 7
        else:
            inside = minute >= self._begin
        return inside and (not self._days or day in self._days)

    def now(self, ts: float) -> str:
        """Return a moment as its clocks show it, for people."""
        then = datetime.fromtimestamp(ts, self._zone)
        return f"{then:%H:%M} on {DAYS[then.weekday()]}" + (f" in {self._zone.key}" if self._zone else "")
