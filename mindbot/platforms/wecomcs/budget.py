"""How much may still be said in a conversation: five messages for each of the customer's, within 48 hours.

Source: WeCom developer centre, "Sending messages" (path/94677). A message of the customer brings the number
back to five, it does not add to it. Kept on disk are the deliveries that were accepted since then, by id, so
that one which is sent again after a crash counts once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TypedDict
from weakref import WeakValueDictionary

import anyio

from mindbot.domain import fields
from mindbot.domain.errors import Rejected
from mindbot.domain.host import Keep
from mindbot.domain.message import Json, Message
from mindbot.platforms.wecomcs.wire import BUDGET, WINDOW

_KEPT_FOR = WINDOW + 3600  # seconds after which a conversation's budget is of no use


def talk_key(account: str, customer: str) -> str:
    """Return where a conversation's budget is kept."""
    return f"talk:{account}:{customer}"


class KeptTalk(TypedDict):
    """A conversation as it is kept: when its customer last wrote (Unix seconds), and the ids of the
    deliveries that went out since."""

    last: float
    spent: list[str]


@dataclass(slots=True)
class Renewals:
    """What to write together with messages that renew budgets; ``ttl`` is seconds."""

    values: dict[str, KeptTalk] = field(default_factory=dict)
    ttl: dict[str, float] = field(default_factory=dict)


class Budget:
    """The budgets of one bot's conversations."""

    def __init__(self, keep: Keep, clock: Callable[[], float]) -> None:
        self._keep = keep
        self._clock = clock
        self._locks: WeakValueDictionary[str, anyio.Lock] = WeakValueDictionary()

    def _lock(self, key: str) -> anyio.Lock:
        found = self._locks.get(key)
        if found is None:
            found = self._locks[key] = anyio.Lock()
        return found

    @asynccontextmanager
    async def renewing(self, account: str, messages: Sequence[Message]) -> AsyncIterator[Renewals]:
        """Yield what messages of customers change, to be committed with them; nobody spends meanwhile.

        A message that is in the inbox already, because its page came again, renews nothing.
        """
        said: dict[str, list[Message]] = {}
        for message in messages:
            said.setdefault(talk_key(account, message.sender), []).append(message)
        async with AsyncExitStack() as held:
            found = Renewals()
            for key in sorted(said):  # one order for everybody: nobody waits for each other
                await held.enter_async_context(self._lock(key))
                talk = await self._renewed(await self._talk(key), said[key])
                if talk is not None:
                    found.values[key], found.ttl[key] = talk, _KEPT_FOR
            yield found

    async def _renewed(self, talk: KeptTalk | None, messages: Sequence[Message]) -> KeptTalk | None:
        changed = False
        for message in messages:
            last = float(talk["last"]) if talk else 0.0
            # Times are whole seconds and lists may be unsorted: only a later one is surely new.
            if message.ts > last or not await self._keep.turn_of(message.key):
                talk = {"last": max(last, message.ts), "spent": []}
                changed = True
        return talk if changed else None

    async def left(self, to: Json, waiting: Collection[str] = ()) -> int | None:
        """Return how many messages may still be said beside those ``waiting``, None when nobody knows.

        Raises:
            StoreError: it cannot be read.
        """
        talk = await self._talk(talk_key(to["open_kfid"], to["touser"]))
        if talk is None:
            return None
        if self._clock() - talk["last"] > WINDOW:
            return 0
        return max(0, _left(talk) - len(set(waiting) - set(talk["spent"])))

    async def check(self, to: Json) -> None:
        """See that one more may be said; where nothing is known WeCom counts alone.

        Raises:
            Rejected: five were said, or the customer wrote too long ago.
        """
        talk = await self._talk(talk_key(to["open_kfid"], to["touser"]))
        if talk is None:
            return
        hint = "the customer must write again"
        if self._clock() - talk["last"] > WINDOW:
            raise Rejected("not sent: the customer wrote more than 48 hours ago", hint=hint, code="95002")
        if _left(talk) <= 0:
            said = "not sent: five messages went out since the customer wrote"
            raise Rejected(said, hint=hint, code="95001")

    async def spend(self, to: Json, delivery: str) -> int | None:
        """Count a delivery that was accepted, once; returns how many are left, None when nobody knows."""
        return await self._count(to, lambda spent: spent if delivery in spent else [*spent, delivery])

    async def exhaust(self, to: Json) -> None:
        """WeCom says that there were too many: it has counted some that are not known here."""
        await self._count(to, lambda spent: [*spent, *["?"] * (BUDGET - len(spent))])

    async def _count(self, to: Json, change: Callable[[list[str]], list[str]]) -> int | None:
        key = talk_key(to["open_kfid"], to["touser"])
        async with self._lock(key):
            talk = await self._talk(key)
            if talk is None:
                return None
            spent = change(talk["spent"])
            if spent != talk["spent"]:
                talk["spent"] = spent
                await self._keep.put(key, talk, ttl=_KEPT_FOR)
            return _left(talk)

    async def _talk(self, key: str) -> KeptTalk | None:
        """Return what is known of a conversation; None when there is nothing that can be read."""
        talk = fields.mapping(await self._keep.get(key))
        last, spent = talk.get("last"), talk.get("spent")
        if not (isinstance(last, int | float) and isinstance(spent, list)):
            return None
        return {"last": last, "spent": fields.texts(spent)}


def _left(talk: KeptTalk) -> int:
    return max(0, BUDGET - len(talk["spent"]))
