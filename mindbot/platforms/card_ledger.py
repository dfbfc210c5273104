"""Cards that can be pressed, as a bot knows them: what each does is on disk, and its first press counts.

Vendors tell presses again, and two people may press at the same moment. So what a card does is on disk before
anybody can see it; a press is taken while no other of its card is; and what it says goes into the inbox in
the transaction that notes it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Generic, TypedDict, TypeVar
from weakref import WeakValueDictionary

import anyio

from mindbot.domain.delivery import Delivery
from mindbot.domain.host import Keep
from mindbot.domain.message import Json, Message, Part
from mindbot.domain.shapes.turns import PartJson, Plain

#: A press in the words of a platform.
P = TypeVar("P", bound=Plain)


class CardJson(TypedDict):
    """A card as it is kept; ``pressed`` is a press in the words of its platform."""

    part: PartJson
    to: Json
    session: str
    delivery: str
    pressed: Plain | None


@dataclass(slots=True)
class SentCard(Generic[P]):
    """One card by the ``id`` that its presses name: what it shows, where it went, and the press that counted
    (in the platform's words)."""

    id: str
    part: Part
    to: Json = field(default_factory=dict)
    session: str = ""
    delivery: str = ""
    pressed: P | None = None

    @classmethod
    def of(cls, delivery: Delivery, id: str) -> SentCard[P]:
        """Return the card that a delivery is."""
        return cls(id, delivery.parts[0], delivery.to, delivery.session, delivery.id)

    def press(self, press: P) -> bool:
        """Note a press; returns whether it is the first, which counts."""
        first = self.pressed is None
        self.pressed = self.pressed or press
        return first

    def said(self, text: str, action: str, params: Plain) -> Part:
        """Return what a press says, with the facts that routes and runners can use."""
        return Part("text", text, {"card": self.id, "action": action, "params": params})

    def to_json(self) -> CardJson:
        return {
            "part": self.part.to_json(),
            "to": self.to,
            "session": self.session,
            "delivery": self.delivery,
            "pressed": self.pressed,
        }

    @classmethod
    def from_json(cls, id: str, kept: Json) -> SentCard[P]:
        """Return a card as it is kept; of AI bots there was the part alone once."""
        if "part" not in kept:
            return cls(id, Part.from_json(kept))
        return cls(
            id,
            Part.from_json(kept["part"]),
            kept.get("to") or {},
            kept.get("session", ""),
            kept.get("delivery", ""),
            kept.get("pressed"),
        )


class CardLedger(Generic[P]):
    """The cards of one bot, each for ``ttl`` seconds. All raise StoreError when the store cannot do it."""

    def __init__(self, keep: Keep, ttl: float) -> None:
        self._keep = keep
        self._ttl = ttl
        self._locks: WeakValueDictionary[str, anyio.Lock] = WeakValueDictionary()

    async def find(self, id: str) -> SentCard[P] | None:
        """Return a card; None when it is not one of the bot's, or too old."""
        kept = await self._keep.get(_key(id)) if id else None
        return SentCard.from_json(id, kept) if kept is not None else None

    async def open(self, card: SentCard[P]) -> None:
        """Put on disk what a card does, before anybody can press it.

        One whose delivery is sent again stays as it is: it may have been pressed since.
        """
        known = await self.find(card.id)
        if known is not None and card.delivery and known.delivery == card.delivery:
            return
        await self._keep.put(_key(card.id), card.to_json(), ttl=self._ttl)

    async def drop(self, id: str) -> None:
        """Forget a card that was not sent."""
        await self._keep.put(_key(id), None)

    @asynccontextmanager
    async def pressing(self, id: str) -> AsyncIterator[None]:
        """Hold other presses of a card until this one is taken."""
        lock = self._locks.setdefault(id, anyio.Lock())
        async with lock:
            yield

    async def record(
        self,
        card: SentCard[P] | None,
        said: Sequence[Message],
        values: Mapping[str, Plain] | None = None,
    ) -> None:
        """Put what a press says and what its card is by now on disk, in one transaction, with more
        ``values`` that the platform keeps for as long."""
        kept: dict[str, Plain] = {_key(card.id): card.to_json()} if card is not None else {}
        await self._keep.receive(said, {**kept, **(values or {})}, ttl=self._ttl)


def _key(id: str) -> str:
    return f"card:{id}"
