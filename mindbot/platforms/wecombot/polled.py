"""Answers that are on show in webhook mode, while they are polled.

A bot's are the same for all of its adapters in a process: after a reload the new one is polled, while the old
one still shows answers that grow, and waits until those that are complete are collected.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Literal
from weakref import WeakValueDictionary

import anyio

from mindbot.domain.delivery import Delivery
from mindbot.domain.message import Json
from mindbot.domain.shared import Shared

_KEPT = 5_000  # answers remembered although nobody is about them just now; of older ones the store knows


@dataclass(slots=True, weakref_slot=True, eq=False)
class PolledAnswer:
    """One answer. ``opened`` and ``polled`` are of a clock that nobody sets, ``taken`` is Unix seconds.

    ``text`` is what there is so far, ``final`` the delivery that ends it. ``way`` is set before the answer
    goes out in its stream ("poll") or past it ("url"), so that it never goes both ways; ``closing`` is what
    its stream ends with then. ``taken`` is when the delivery was made that a poll took. ``nothing``: the turn
    ended without a reply. ``session`` is empty in another process than the one that took the message.
    """

    turn: str
    opened: float
    session: str = ""
    polled: float = 0.0
    text: str = ""
    final: Delivery | None = None
    way: Literal["", "poll", "url"] = ""
    taken: float | None = None
    taking: int = 0  # polls that are just being given the answer
    closing: str = ""
    nothing: bool = False
    has_url: bool = False
    notes: Json = field(default_factory=dict)
    collected: anyio.Event = field(default_factory=anyio.Event)


class PolledAnswers:
    """All of a bot's. Who sends an answer and who polls for it always meet, however many there are."""

    def __init__(self) -> None:
        self._used: WeakValueDictionary[str, PolledAnswer] = WeakValueDictionary()
        self._recent: OrderedDict[str, PolledAnswer] = OrderedDict()
        self._owed: OrderedDict[str, str] = OrderedDict()  # session → the newest turn that goes by URL
        #: User → turn → when nobody asks for it any more.
        self._unfinished: OrderedDict[str, dict[str, float]] = OrderedDict()

    @classmethod
    def of(cls, shared: Shared, bot: str) -> PolledAnswers:
        """Return those of a bot in this process."""
        return shared.of(("wecombot streams", bot), cls)

    def open(self, turn: str, now: float) -> PolledAnswer:
        """Return a turn's, begun now if there is none."""
        shown = self._used.get(turn)
        if shown is None:
            shown = self._used[turn] = PolledAnswer(turn, now)
        self._recent[turn] = shown
        self._recent.move_to_end(turn)
        if len(self._recent) > _KEPT:
            self._recent.popitem(last=False)
        return shown

    def unfinished(self, user: str, now: float) -> int:
        """Return how many answers a user is shown that have not ended."""
        turns = self._unfinished.get(user, {})
        for turn in [turn for turn, until in turns.items() if until <= now]:
            self.ended(user, turn)
        return len(turns)

    def goes_on(self, user: str, turn: str, until: float) -> None:
        """A user has been told that an answer is not complete; nobody asks for it after ``until``."""
        self._unfinished.setdefault(user, {})[turn] = until
        self._unfinished.move_to_end(user)
        if len(self._unfinished) > _KEPT:  # those whose polls just stopped never say that they have ended
            self._unfinished.popitem(last=False)

    def ended(self, user: str, turn: str) -> None:
        """A user has been told that an answer is complete."""
        turns = self._unfinished.get(user, {})
        turns.pop(turn, None)
        if not turns:
            self._unfinished.pop(user, None)

    def owe(self, session: str, turn: str) -> None:
        """The answer of a session's turn comes past its stream."""
        if session and turn > self._owed.get(session, ""):
            self._owed[session] = turn
            self._owed.move_to_end(session)
            if len(self._owed) > _KEPT:
                self._owed.popitem(last=False)

    def owed(self, session: str) -> str:
        """Return the newest turn of a session whose answer comes past its stream; empty: none does."""
        return self._owed.get(session, "")

    def paid(self, session: str, turn: str) -> None:
        """Nothing of this turn, nor of earlier ones of its session, is still to come."""
        if self._owed.get(session) == turn:
            del self._owed[session]

    @property
    def growing(self) -> int:
        """How many have not ended."""
        return sum(not s.way and not s.nothing for s in self._recent.values())
