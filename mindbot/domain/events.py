"""What happens, as one flat shape that the console, metrics, traces and alert rules all read."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from mindbot.domain.message import Json

#: Never dropped on their way to a console.
CONTROL = frozenset({"turn.parked", "alert.firing", "alert.resolved"})


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
