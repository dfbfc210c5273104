"""What happens, as one flat shape that the console, metrics, traces and alert rules all read."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from mindbot.domain.message import Json

#: Never dropped on their way to a console.
CONTROL = frozenset({"turn.parked", "alert.firing", "alert.resolved"})

#: What a stream may ask for. The quiet ones cost nothing to speak of and are what one gets without asking.
TOPICS = {
    "turn": "a turn was queued, duplicate, running, answered, dropped, failed or dead",
    "delivery": "a delivery was sent, tried again or given up",
    "health": "a component's state changed",
    "config": "the configuration was read again",
    "alert": "an alert began or ended",
    "stats": "the daemon in numbers, once a second",
    "span": "a step inside a turn ended",
    "chunk": "a piece of an answer arrived",
    "log": "a log line was written",
}
QUIET = ("turn", "delivery", "health", "config", "alert", "stats")


@dataclass(slots=True)
class Event:
    """``type`` is ``topic.what``, e.g. ``turn.finished``; ``turn`` the public id where one is meant."""

    type: str
    turn: str = ""
    data: Json = field(default_factory=dict)
    ts: float = field(default_factory=time.time)
    seq: int = 0

    @property
    def topic(self) -> str:
        return self.type.partition(".")[0]

    def to_json(self) -> Json:
        return {"seq": self.seq, "ts": self.ts, "type": self.type, "turn": self.turn, **self.data}
