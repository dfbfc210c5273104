"""What is known of a turn's steps when the process dies in which it runs: its trail.

Steps are written with the end of their turn. One that runs for long leaves a trail beside its memo, now and
then, so that the next process knows of the attempt before: which steps had ended, and which were under way;
those were interrupted. What began after the last look at a turn is not known, and nothing is made up of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mindbot.domain.message import Json
from mindbot.domain.span import INTERRUPTED, Span
from mindbot.domain.turn import Turn

#: The memo's key of a trail.
TRAIL = "trail"
#: The kind of the step that stands for an attempt of an earlier process; inside it is what is known of that.
ATTEMPT = "attempt"

_UNKNOWN = "the daemon died while this turn was open; whether a step had begun is not known"


def trail_of(turn: Turn, now: float) -> Json:
    """Return the trail of a turn at a moment (Unix seconds): its steps without their data."""
    return {
        "at": now,
        "attempt": turn.attempt,
        "steps": [[s.id, s.parent, s.kind, s.name, s.start, s.took, s.status, _size(s)] for s in turn.spans],
    }


def earlier(turn: Turn) -> list[Span]:
    """Return what is known of the attempts of a turn before the one that begins, each in a step `ATTEMPT`.

    Of one that left no trail it is only known that there was one.
    """
    trail: Any = turn.memo.get(TRAIL)
    if not isinstance(trail, dict):
        if turn.attempt <= 1:
            return []
        took = {"steps": 0, "note": _UNKNOWN}
        start = turn.message.received
        return [Span(1, 0, ATTEMPT, str(turn.attempt - 1), start, 0.0, INTERRUPTED, took)]
    at = float(trail["at"])
    steps = [_interrupted(row, at) for row in trail["steps"]]
    ours = of_this_attempt(steps)
    before = steps[: len(steps) - len(ours)]
    start = ours[0].start if ours else at
    data: Json = {"steps": len(ours), "known_until": at}
    root = Span(len(before) + 1, 0, ATTEMPT, str(trail["attempt"]), start, at - start, INTERRUPTED, data)
    for step in ours:  # they stand inside it, and it before them
        step.id, step.parent = step.id + 1, step.parent + 1 if step.parent else root.id
    return [*before, root, *ours]


def of_this_attempt(spans: Sequence[Span]) -> Sequence[Span]:
    """Return a turn's steps but for those of earlier attempts, which stand first."""
    at = 0
    while at < len(spans) and spans[at].kind == ATTEMPT:
        at += 1 + int(spans[at].data.get("steps", 0))
    return spans[at:] if at else spans


def _size(step: Span) -> int:
    """Return how many steps an earlier attempt holds."""
    return int(step.data.get("steps", 0)) if step.kind == ATTEMPT else 0


def _interrupted(row: Sequence[Any], at: float) -> Span:
    number, parent, kind, name, start, took, status, size = row
    step = Span(number, parent, kind, name, start, took, status, {"steps": size} if kind == ATTEMPT else {})
    if took < 0:
        step.took, step.status = max(0.0, at - start), INTERRUPTED
    return step
