"""Lines of the log, as they come, and those of them that a filter keeps."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mindbot.domain.message import Json
from mindbot_tui.state.ring import Ring

LINES = 5_000


@dataclass(frozen=True, slots=True)
class Entry:
    """``who`` is short for ``logger``, which is empty where the console speaks; ``whole`` is all of it."""

    at: float
    level: str
    who: str
    text: str
    turn: str = ""
    logger: str = ""
    whole: Json = field(default_factory=dict)

    @property
    def words(self) -> str:
        return f"{self.level}\n{self.who}\n{self.text}\n{self.turn}"


_GONE = Entry(0.0, "", "", "")


def entry_of(line: Mapping[str, Any]) -> Entry:
    """Return a line as the API tells it."""
    fields = line.get("fields")
    rest = fields if isinstance(fields, dict) else {}
    facts = "".join(f"  {name}={value}" for name, value in rest.items() if name != "turn" and value != "")
    logger = str(line.get("component", ""))
    text = f"{line.get('text', '')}{facts}"
    at, level, turn = float(line.get("ts", 0.0)), str(line.get("level", "")), str(line.get("turn", ""))
    told = {name: value for name, value in line.items() if name not in ("epoch", "seq", "type")}
    return Entry(at, level, logger.removeprefix("mindbot."), text, turn, logger, told)


class Lines:
    """A source of log lines."""

    def __init__(self) -> None:
        self._ring: Ring[Entry] = Ring(LINES)
        self._keep: Callable[[object], bool] | None = None
        self._places: Sequence[int] = range(0)
        self._judged = 0
        self._stale = False

    def add(self, entry: Entry) -> None:
        self._ring.append(entry)

    @property
    def known(self) -> int:
        """How many there are, whatever the filter."""
        return len(self._ring)

    def use(self, keep: Callable[[object], bool] | None) -> None:
        """Show only what a predicate keeps; None shows everything."""
        self._keep, self._judged, self._places, self._stale = keep, 0, [], True

    def values(self, name: str) -> list[str]:
        """Return the values of a field in the latest lines, the most frequent first."""
        counts: dict[str, int] = {}
        for place in range(max(self._ring.first, self._ring.end - 500), self._ring.end):
            value = str(getattr(self._ring[place], name))
            counts[value] = counts.get(value, 0) + 1
        return sorted(filter(None, counts), key=lambda value: -counts[value])[:20]

    def at(self, moment: float) -> int:
        """Return the index of the first line that was written then or later."""
        return bisect_left(range(len(self)), moment, key=lambda index: self.row(index).at)

    def __len__(self) -> int:
        return len(self._places)

    def row(self, index: int) -> Entry:
        return self._ring.get(self._places[index], _GONE)

    def place(self, index: int) -> int:
        return self._places[index]

    def index_of(self, place: int) -> int:
        return bisect_left(self._places, place)

    def sync(self) -> bool:
        ring, before = self._ring, self._places
        if self._keep is None:
            self._places = range(ring.first, ring.end)
            changed = self._places != before
        else:
            kept = [place for place in before if place >= ring.first]
            fresh = range(max(self._judged, ring.first), ring.end)
            self._places = [*kept, *(place for place in fresh if self._keep(ring[place]))]
            changed = len(kept) != len(before) or len(self._places) != len(kept)
        self._judged = ring.end
        stale, self._stale = self._stale, False
        return changed or stale
