"""What a store is asked for and what it answers: the values of `mindbot.domain.ports.store`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mindbot.domain.needs import ANYTHING, Need
from mindbot.domain.shapes.turns import Plain, TurnLineJson
from mindbot.domain.turn import Turn

#: Returns the turn in memory, by session and number, for one that still runs: on disk it is ``queued``.
Live = Callable[[str, int], Turn | None]

#: Whether a listing has a turn in it: a filter.
Keeps = Callable[[TurnLineJson], bool]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which turns a listing asks for: ``keep`` judges each, and is true of none without what it ``needs``."""

    keep: Keeps
    needs: Need = ANYTHING


@dataclass(frozen=True, slots=True)
class TurnsFound:
    """A page of turns, newest first, and how far back was looked for it.

    ``next`` is where to go on: the id of the last turn that was looked at, empty when there is no older one.
    ``back_to`` is when that one was received (Unix seconds). ``looked`` is how many turns were judged one by
    one; the others were ruled out by an index.
    """

    turns: list[TurnLineJson]
    next: str = ""
    back_to: float = 0.0
    looked: int = 0


#: Seconds that sums of what was spent are kept.
SPENDING_KEPT = 400 * 86400.0


@dataclass(frozen=True, slots=True)
class Kept:
    """A value that a bot keeps under a key, until ``ends`` (Unix seconds) or (None) for good.

    To remove one, write it as over (0): so the last of several writes wins, also in one transaction.
    """

    platform: str
    bot: str
    key: str
    value: Plain
    ends: float | None = None


@dataclass(frozen=True, slots=True)
class RolledBack:
    """Turns of a session that are no history any more, and what is kept with them to take that back."""

    turns: tuple[int, ...]
    note: Plain


@dataclass(frozen=True, slots=True)
class Anew:
    """``since``: what was said before (Unix seconds) is not answered; 0: no such moment. ``reason`` is why
    something was put away at this start, and ``turns`` and ``deliveries`` how much; empty: nothing was."""

    since: float = 0.0
    reason: str = ""
    turns: int = 0
    deliveries: int = 0


@dataclass(frozen=True, slots=True)
class GivenUp:
    """How many ``deliveries`` were given up on and wait for somebody to decide, and the ``answers`` (turns)
    that they are of."""

    deliveries: int = 0
    answers: int = 0
