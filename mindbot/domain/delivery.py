"""A delivery: one platform message on its way out, kept in the outbox until its end is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from mindbot.domain import ids, plain
from mindbot.domain.message import Json, Part

#: The place of a notice that goes out before the answer: that it takes longer.
NOTICE = -1

DeliveryState = Literal["open", "pending", "sending", "sent", "unknown", "dead", "discarded"]


@dataclass(slots=True)
class DeliveryNotes:
    """All is None until it is known; ``more`` holds what platforms remark for the trace.

    The store patches what is on disk with what is known here: what was known once and is no more has to be
    empty, not None.
    """

    #: Messages of it that surely arrived, where there are several; see `Delivery.said`.
    said: int | None = None
    #: It went out once more although it may have arrived; from which of its messages on.
    repeated: bool | None = None
    repeated_from: int | None = None
    #: The process died between the last piece shown and the whole.
    interrupted: bool | None = None
    #: How often it was shown while it grew, and why that stopped.
    updates: int | None = None
    stream_error: str | None = None
    #: Attempts that the platform asked to make later; they do not count.
    throttled: int | None = None
    #: When (Unix seconds) it was taken back; the platform's ids of those messages that are gone; and when an
    #: attempt ended without an answer.
    taken_back: float | None = None
    gone: list[str] | None = None
    take_back_unknown: float | None = None
    #: What a later failure that the platform told says.
    failed: str | None = None
    #: It was said plainly and not on a card; the card it is on; why there is none.
    plain: bool | None = None
    card: str | None = None
    card_error: str | None = None
    #: What a later attempt goes on with: receivers that are left, what finds the calls again, pieces by the
    #: platform's id, files that were uploaded.
    left: list[str] | None = None
    query_key: str | None = None
    query_keys: list[str] | None = None
    pieces: list[str] | None = None
    uploaded: Json | None = None
    #: An attempt to end its stream got no answer.
    unanswered: bool | None = None
    #: Receivers that do not exist, or are out of reach.
    not_reached: list[str] | None = None
    more: Json = field(default_factory=dict)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> DeliveryNotes:
        """Return notes as they are kept; what is not known here, or of another kind, is kept as it is."""
        notes = cls()
        notes.add(kept)
        return notes

    def add(self, remarks: Mapping[str, Any]) -> None:
        """Take what a platform remarked; what was known is replaced."""
        for name, value in remarks.items():
            if _fits(name, value):
                setattr(self, name, value)
                self.more.pop(name, None)
            else:
                self.more[name] = value
                if name in _KINDS:
                    setattr(self, name, None)

    def to_json(self) -> Json:
        """Return what is known, by name."""
        known = {name: value for name in _KINDS if (value := getattr(self, name)) is not None}
        return {**known, **self.more}


def _fits(name: str, value: object) -> bool:
    kinds = _KINDS.get(name, ())
    return isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))


_TYPES: dict[str, tuple[type, ...]] = {
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
    "str": (str,),
    "list[str]": (list,),
    "Json": (dict,),
}
#: What kinds of values the named notes have.
_KINDS = {
    each.name: _TYPES[str(each.type).removesuffix(" | None")]
    for each in fields(DeliveryNotes)
    if each.name != "more"
}


@dataclass(slots=True)
class Delivery:
    """One platform message.

    ``turn`` and ``n`` (its place in the reply, from 0) are its key; sorted, they are the order inside a
    session. ``to`` is the message's ``reply_to``. ``again`` is true when an earlier attempt may have
    arrived: the adapter then uses the platform's idempotency means. ``next_at`` is Unix seconds. A delivery
    of the kind ``stream`` is shown while the answer is written: it is ``open`` until the turn ends. An
    adapter that needs several messages for one delivery counts in ``notes.said`` those that surely
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
    notes: DeliveryNotes = field(default_factory=DeliveryNotes)
    kind: Literal["message", "stream"] = "message"
    on_disk: bool = False  # what it says is on disk alone (not stored)
    revived: bool = False  # an operator had it tried again, in this process (not stored)

    @property
    def id(self) -> str:
        return f"{ids.show(self.turn)}-{self.n}"

    @property
    def length(self) -> int:
        """How many characters it says, about: its texts and what the platform needs beside them."""
        return sum(len(part.text) + (plain.length(part.data) if part.data else 0) for part in self.parts)

    def put_down(self) -> None:
        """Hold no longer what it says: that is on disk, and read again in time."""
        self.parts, self.on_disk = [], True

    @property
    def said(self) -> int:
        """How many of its messages surely arrived."""
        return self.notes.said or 0

    @property
    def repeated(self) -> bool:
        """Tell whether the message that goes next is marked by `repeat`."""
        return bool(self.notes.repeated) and (self.notes.repeated_from or 0) == self.said

    def repeat(self) -> None:
        """Mark that the message that goes next may have arrived, and goes out once more all the same."""
        self.notes.repeated = True
        if self.said:
            self.notes.repeated_from = self.said

    @property
    def gone(self) -> list[str]:
        """The platform's ids of those of its messages that were taken back."""
        if self.notes.gone is None:
            self.notes.gone = []
        return self.notes.gone

    @property
    def maybe_gone(self) -> bool:
        """Tell whether an attempt to take it back ended without an answer: what is not there may be gone."""
        return self.notes.take_back_unknown is not None

    @property
    def text(self) -> str:
        return "\n".join(p.text for p in self.parts if p.text)


@dataclass(frozen=True, slots=True)
class Sent:
    """What the platform said of an accepted delivery: its own message id and remarks for the trace."""

    id: str = ""
    notes: Json = field(default_factory=dict)
