"""What became of a turn's deliveries, as one word: an answer that nobody got is not an answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from mindbot.domain.delivery import NOTICE
from mindbot.domain.shapes.turns import DeliveredRecord

#: ``""``: there is nothing to say of it; ``waiting``: not sent yet, also while it is tried again;
#: ``undelivered``: one at least was given up on; ``discarded``: and an operator has put that away.
DeliveredState = Literal["", "waiting", "sent", "undelivered", "discarded"]
DELIVERED_STATES: tuple[DeliveredState, ...] = get_args(DeliveredState)


@dataclass(frozen=True, slots=True)
class Delivered:
    """``error`` is why one of them was given up on, or waits for another try, in the platform's words."""

    state: DeliveredState = ""
    error: str = ""

    def to_record(self) -> DeliveredRecord:
        return {
            "delivery": self.state,
            "undelivered": self.state == "undelivered",
            "delivery_error": self.error,
        }


UNKNOWN = Delivered()
_WAITS = frozenset({"open", "pending", "sending", "unknown"})


def delivered_of(deliveries: Iterable[tuple[int, str, str]]) -> Delivered:
    """Return what became of a turn's deliveries, each told by its place, its state and its error.

    One that was given up on counts more than one that waits, and that more than those that are over. A notice
    that the answer takes longer is none: it counts only where it was given up on.
    """
    states: dict[str, str] = {}
    refused = ""  # why the last attempt of one that waits failed
    for n, state, error in deliveries:
        if n != NOTICE or state == "dead":
            states.setdefault(state, error)
            refused = refused or (error if state in _WAITS else "")
    if "dead" in states:
        return Delivered("undelivered", states["dead"] or "given up on")
    if states.keys() - {"sent", "discarded"}:
        return Delivered("waiting", refused)
    if states:
        return Delivered("discarded" if "discarded" in states else "sent")
    return UNKNOWN
