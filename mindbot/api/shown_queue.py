"""What people are shown of what is not done: the same in the command line and the console."""

from __future__ import annotations

from mindbot.api.models import BehindView
from mindbot.api.queue_models import QueuedView
from mindbot.api.shown_waits import waits
from mindbot.domain.saying import Say, english

TEXTS = (
    *("runs", "runs: {step}", "waits for an answer from outside: {step}", "is on its way to the platform"),
    *("its turn writes it still", "next try in {seconds}s", "its bot keeps quiet for {seconds}s"),
    *("its bot is stopped", "its bot is not configured any more", "parked at a breakpoint: {step}"),
)
_WHY = {
    "wire": "is on its way to the platform",
    "grows": "its turn writes it still",
    "stopped": "its bot is stopped",
    "gone": "its bot is not configured any more",
}
_UNTIL = {"retry": "next try in {seconds}s", "quiet": "its bot keeps quiet for {seconds}s"}


def reason(row: QueuedView, now: float, say: Say = english) -> str:
    """Return what a turn or delivery that is not done waits for, or does."""
    if row.why == "runs":
        if row.state == "parked":
            return say("parked at a breakpoint: {step}", step=row.at)
        if row.state == "waiting":
            return say("waits for an answer from outside: {step}", step=row.at)
        return say("runs: {step}", step=row.at) if row.at else say("runs")
    if row.why in _UNTIL:
        return say(_UNTIL[row.why], seconds=f"{max(0.0, (row.next_at or now) - now):.0f}")
    if row.why in _WHY:
        return say(_WHY[row.why])
    return waits(BehindView(why=row.why, turn=row.behind, ahead=row.ahead), say)
