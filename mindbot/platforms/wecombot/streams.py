"""Answers that are on show in webhook mode, while they are polled."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Literal

import anyio

from mindbot.domain.delivery import Delivery
from mindbot.domain.message import Json

_KEPT = 5_000  # answers remembered; of older ones the store knows


@dataclass(slots=True)
class Shown:
    """One answer. Times are Unix seconds.

    ``text`` is what there is so far, ``final`` the delivery that ends it. ``way`` is set before the answer
    goes out in its stream ("poll") or past it ("url"), so that it never goes both ways; ``closing`` is what
    its stream ends with then. ``taken`` is when the delivery was made that a poll took. ``nothing``: the turn
    ended without a reply.
    """

    turn: str
    opened: float
    polled: float = 0.0
    text: str = ""
    final: Delivery | None = None
    way: Literal["", "poll", "url"] = ""
    taken: float | None = None
    closing: str = ""
    nothing: bool = False
    has_url: bool = False
    notes: Json = field(default_factory=dict)
    collected: anyio.Event = field(default_factory=anyio.Event)


class Streams:
    """All of a bot's."""

    def __init__(self) -> None:
        self._shown: OrderedDict[str, Shown] = OrderedDict()

    def open(self, turn: str, now: float) -> Shown:
        """Return a turn's, begun now if there is none."""
        shown = self._shown.get(turn)
        if shown is None:
            shown = self._shown[turn] = Shown(turn, now)
            if len(self._shown) > _KEPT:
                self._shown.popitem(last=False)
        return shown

    @property
    def growing(self) -> int:
        """How many have not ended."""
        return sum(not s.way and not s.nothing for s in self._shown.values())
