"""Answers that wait for long to be sent."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from mindbot.domain.delivery import Delivery
from mindbot.domain.health import LATE, WAITS

#: Platform, bot, session: who sees the order. Two bots may use one session name.
Session = tuple[str, str, str]


def held_up(
    sessions: Mapping[Session, Sequence[Delivery]], stopped: Collection[tuple[str, str]], now: float
) -> tuple[int, float]:
    """Return how many answers of an outbox wait for long, and for how many seconds the oldest does.

    Behind an attempt that failed `WAITS` seconds are long, else `LATE`. What an operator stopped the bot of,
    or waits behind an answer that grows, is not held up. ``now`` is Unix seconds.
    """
    since: dict[int, float] = {}
    for session, waiting in sessions.items():
        if waiting and waiting[0].state != "open" and session[:2] not in stopped:
            before = now - (WAITS if waiting[0].error else LATE)
            for d in waiting:
                if d.created <= before:
                    since.setdefault(d.turn, d.created)
    return len(since), now - min(since.values(), default=now)
