"""A delivery: one platform message on its way out, kept in the outbox until its end is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from mindbot.domain import ids
from mindbot.domain.message import Json, Part

DeliveryState = Literal["open", "pending", "sending", "sent", "unknown", "dead", "discarded"]


@dataclass(slots=True)
class Delivery:
    """One platform message.

    ``turn`` and ``n`` (its place in the reply, from 0) are its key; sorted, they are the order inside a
    session. ``to`` is the message's ``reply_to``. ``again`` is true when an earlier attempt may have
    arrived: the adapter then uses the platform's idempotency means. ``next_at`` is Unix seconds. A delivery
    of the kind ``stream`` is shown while the answer is written: it is ``open`` until the turn ends. An
    adapter that needs several messages for one delivery counts in ``notes["said"]`` those that surely
    arrived; the next attempt goes on after them, and ``again`` is about the first of the rest.
    """

    turn: int
    n: int
    platform: str
    bot: str
    session: str
    to: Json
    parts: list[Part]
    state: DeliveryState = "pending"
    attempts: int = 0
    again: bool = False
    next_at: float = 0.0
    error: str = ""
    created: float = 0.0
    ended: float = 0.0
    sent_id: str = ""
    notes: Json = field(default_factory=dict)
    kind: Literal["message", "stream"] = "message"

    @property
    def id(self) -> str:
        return f"{ids.show(self.turn)}-{self.n}"

    @property
    def said(self) -> int:
        """How many of its messages surely arrived."""
        return int(self.notes.get("said", 0))

    @property
    def repeated(self) -> bool:
        """Tell whether the message that goes next is marked by `repeat`."""
        return "repeated" in self.notes and int(self.notes.get("repeated_from", 0)) == self.said

    def repeat(self) -> None:
        """Mark that the message that goes next may have arrived, and goes out once more all the same."""
        self.notes["repeated"] = True
        if self.said:
            self.notes["repeated_from"] = self.said

    @property
    def gone(self) -> list[str]:
        """The platform's ids of those of its messages that were taken back."""
        found: list[str] = self.notes.setdefault("gone", [])
        return found

    @property
    def maybe_gone(self) -> bool:
        """Tell whether an attempt to take it back ended without an answer: what is not there may be gone."""
        return "take_back_unknown" in self.notes

    @property
    def text(self) -> str:
        return "\n".join(p.text for p in self.parts if p.text)


@dataclass(frozen=True, slots=True)
class Sent:
    """What the platform said of an accepted delivery: its own message id and remarks for the trace."""

    id: str = ""
    notes: Json = field(default_factory=dict)
