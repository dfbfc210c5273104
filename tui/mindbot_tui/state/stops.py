"""Which turns stand still, and until when: what every screen tells of the debugger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from mindbot.api.debug_models import ParkedView
from mindbot.api.shown_debugger import step_of
from mindbot.domain.saying import Say, english

#: What happens to a turn that does not stand still any more.
_ENDS = frozenset({"resumed", "queued", "running", "answered", "dropped", "failed", "dead"})


@dataclass(frozen=True, slots=True)
class Standing:
    """A turn that stands still; ``lease_until`` is Unix seconds, ``at`` is where: "before run", say."""

    turn: str
    lease_until: float
    at: str = ""

    def place(self, say: Say = english) -> str:
        """Return where it stands, in words."""
        on, _, step = self.at.partition(" ")
        return placed(on, step, say)


def placed(on: str, step: str, say: Say = english) -> str:
    """Return where at a step a turn stands, in words."""
    match on:
        case "before":
            return say("before {step}", step=step)
        case "after":
            return say("after {step}", step=step)
        case "error":
            return say("at the error of {step}", step=step)
        case "change":
            return say("at a change in {step}", step=step)
    return f"{on} {step}".strip()


def stop_of(parked: ParkedView) -> Standing:
    """Return what every screen tells of a parked turn."""
    return Standing(parked.turn, parked.lease_until, f"{parked.on} {step_of(parked.kind, parked.name)}")


class Stops:
    """``revision`` counts what happened in the debugger: whoever lists its things compares it."""

    def __init__(self) -> None:
        self.parked: dict[str, Standing] = {}
        self.revision = 0
        #: The filter of messages that are stopped by this console, and the id of its breakpoint.
        self.intercepts: tuple[str, str] = ("", "")

    def __len__(self) -> int:
        return len(self.parked)

    def has(self, turn: str) -> bool:
        return turn in self.parked

    def left(self, now: float) -> int:
        """Return the whole seconds until the first of them goes on by itself."""
        first = min((stop.lease_until for stop in self.parked.values()), default=now)
        return max(ceil(first - now), 0)

    def take(self, what: str, event: Mapping[str, Any]) -> None:
        """Take over what a turn's event tells."""
        id = str(event.get("turn", ""))
        if what == "parked":
            until = event.get("lease_until")
            at = str(event.get("at") or "")
            self.parked[id] = Standing(id, float(until) if isinstance(until, int | float) else 0.0, at)
            self.revision += 1
        elif what in _ENDS and self.parked.pop(id, None) is not None:
            self.revision += 1

    def put(self, stops: Iterable[Standing]) -> None:
        """Replace them by what the daemon has listed."""
        found = {stop.turn: stop for stop in stops}
        if found != self.parked:
            self.parked = found
            self.revision += 1

    def forget(self) -> None:
        """The daemon went away: what stood still goes on without its gate, or waits for the next start."""
        self.parked = {}
        self.revision += 1
