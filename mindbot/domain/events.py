"""What happens, as one flat shape that the console, metrics, traces and alert rules all read."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from mindbot.domain.message import Json

#: Never dropped on their way to a console.
CONTROL = frozenset({"turn.parked", "turn.resumed", "alert.firing", "alert.resolved"})

#: What a stream may ask for. The quiet ones cost nothing to speak of and are what one gets without asking.
TOPICS = {
    "turn": "a turn was queued, duplicate, running, parked, resumed, answered, dropped, failed or dead; and "
    "(`delivery`) its answer was given up, tried again, discarded or sent after all",
    "delivery": "a delivery was sent, tried again or given up",
    "session": "an operator took a session over, said something in it, or handed it back",
    "health": "a component's state changed, or health as a whole",
    "config": "the configuration was read again",
    "alert": "an alert began or ended",
    "bus": "a handler was too slow and lost events",
    "stats": "the daemon in numbers, once a second",
    "span": "a step inside a turn began or ended",
    "chunk": "a piece of an answer arrived",
    "debug": "a breakpoint was set, changed or cleared, a log point speaks, a parked turn was edited",
    "log": "a log line was written",
}
QUIET = ("turn", "delivery", "session", "health", "config", "alert", "bus", "stats", "debug")


#: How a component is; only bots are stopped, by an operator.
HEALTH = ("ok", "starting", "degraded", "failed", "stopped")

#: States that a turn passes through: told in a batch only where no later one of that turn is.
PASSING = frozenset({"turn.queued", "turn.running"})


class Event:
    """``type`` is ``topic.what``, e.g. ``turn.finished``; ``turn`` the public id where one is meant.

    ``make`` makes the data when somebody reads them first: most states that a turn passes through are never
    read. It must not depend on what may have changed by then. ``ts`` is Unix seconds.
    """

    __slots__ = ("_data", "_make", "seq", "ts", "turn", "type")

    def __init__(
        self,
        type: str,
        turn: str = "",
        data: Mapping[str, Any] | None = None,
        ts: float = 0.0,
        *,
        make: Callable[[], Mapping[str, Any]] | None = None,
    ) -> None:
        self.type = type
        self.turn = turn
        self.ts = ts or time.time()
        self.seq = 0
        self._data = data
        self._make = make

    @property
    def data(self) -> Mapping[str, Any]:
        if self._data is None:
            self._data = self._make() if self._make is not None else {}
            self._make = None
        return self._data

    @property
    def topic(self) -> str:
        return self.type.partition(".")[0]

    def __repr__(self) -> str:
        return f"Event({self.type!r}, {self.turn!r}, {self.data!r}, seq={self.seq})"

    def to_json(self) -> Json:
        return {"seq": self.seq, "ts": self.ts, "type": self.type, "turn": self.turn, **self.data}
