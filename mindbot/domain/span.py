"""A step inside a turn, with its times."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from mindbot.domain.message import Json
from mindbot.domain.shapes.turns import SpanJson

#: How a step ends: by itself, by a failure, stopped by somebody, or with the process it ran in. A ``memo`` is
#: none that ran: its result was taken from the memo.
CANCELLED, INTERRUPTED = "cancelled", "interrupted"
#: Those that were ended from outside, and so by no fault of their own.
STOPPED = frozenset({CANCELLED, INTERRUPTED})

#: Words of records that older versions wrote.
_OLD_WORDS = {"aborted": CANCELLED}


def status_of(word: str) -> str:
    """Return how a step ended in today's words, from a record of any version."""
    return _OLD_WORDS.get(word, word)


@dataclass(slots=True)
class Span:
    """A timed step inside a turn. ``start`` is Unix seconds, ``took`` seconds (-1 while it runs)."""

    id: int
    parent: int
    kind: str  # stage, model, tool, rule, retrieval, delivery, …
    name: str
    start: float
    took: float = -1.0
    status: str = "ok"  # ok, error, cancelled, interrupted, memo, skipped
    data: Json = field(default_factory=dict)

    def end(self) -> None:
        """End it now, where that is before its block ends; the end of the block then changes nothing."""
        if self.took < 0:
            self.took = time.time() - self.start

    def to_json(self) -> SpanJson:
        out: SpanJson = {
            "id": self.id,
            "parent": self.parent,
            "kind": self.kind,
            "name": self.name,
            "start": self.start,
            "took_ms": round(self.took * 1000, 3) if self.took >= 0 else None,
            "status": self.status,
        }
        if self.data:
            out["data"] = self.data
        return out

    @classmethod
    def from_json(cls, data: Json) -> Span:
        """Read `to_json` back."""
        took = data["took_ms"]
        return cls(
            data["id"],
            data["parent"],
            data["kind"],
            data["name"],
            data["start"],
            took / 1000 if took is not None else -1.0,
            status_of(data["status"]),
            data.get("data", {}),
        )
