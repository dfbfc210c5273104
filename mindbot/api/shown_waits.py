"""What people are shown of a turn that waits: the same in the command line and the console."""

from __future__ import annotations

from mindbot.api.models import BehindView
from mindbot.domain.saying import Say, english

TEXTS = (
    *("waits behind {turn}", "waits behind {turn} and {n} more", "waits for a slot: all are taken"),
    *("waits for a slot: its bot has its share", "waits on disk for its time"),
    *("waits to run alone: it may have killed the daemon", "waits: the daemon is stopping"),
    *("is about to begin", "waited for its place"),
)
_WHY = {
    "slots": "waits for a slot: all are taken",
    "bot": "waits for a slot: its bot has its share",
    "disk": "waits on disk for its time",
    "alone": "waits to run alone: it may have killed the daemon",
    "stopping": "waits: the daemon is stopping",
}


def waits(behind: BehindView, say: Say = english) -> str:
    """Return what a queued turn waits for."""
    if behind.why == "session":
        if behind.ahead > 1:
            return say("waits behind {turn} and {n} more", turn=behind.turn, n=behind.ahead - 1)
        return say("waits behind {turn}", turn=behind.turn)
    return say(_WHY.get(behind.why, "is about to begin"))
