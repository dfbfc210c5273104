"""Lines about the event bus, for operators."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from mindbot.domain.shapes.instruments import BusRowJson


def bus_row(
    kind: Literal["topic", "handler", "observer", "client"],
    name: str,
    topics: Collection[str] = (),
    *,
    filter: str = "",
    events: int = 0,
    waiting: int = 0,
    capacity: int = 0,
    lost: int = 0,
    failed: int = 0,
) -> BusRowJson:
    """Return a line about a topic, or about one who takes events; no topics mean all."""
    return {
        "kind": kind,
        "name": name,
        "topics": sorted(topics),
        "filter": filter,
        "events": events,
        "waiting": waiting,
        "capacity": capacity,
        "lost": lost,
        "failed": failed,
    }
