"""One person, one id: what platforms call the same sender in other messages.

DingTalk names a sender by an encrypted ``senderId`` always, by ``senderUnionId`` sometimes, and by the staff
id, which its APIs take, only while the robot is published and the sender is of its own company ("Receive
messages", open.dingtalk.com/document). A message with the staff id teaches which other ids are the same
person; one without is then taken as from that staff id, so that session, limits, access lists and filters
see one person. Somebody whose staff id no message ever brought stays under the id that came. The WeCom
platforms name each sender by one id in every message (``userid``, ``external_userid``): nothing is learnt.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import replace

from mindbot.domain.message import Message
from mindbot.domain.ports.store import KeepStore, Kept
from mindbot.domain.turn import Clock

_KEPT = 50_000  # ids in memory; the others are read again
_LONGEST = 240  # characters of an id that is learnt
_LASTS = 365 * 86400.0  # seconds for which an id is known since a message had it last
_RENEWED = 30 * 86400.0  # seconds after which a message that has it is written down again

Place = tuple[str, str, str]  # platform, company, key


class Identities:
    """Kept in the store beside what bots keep, under the company in place of a bot's name.

    An id that comes in no message for a year goes: its person has left.
    """

    def __init__(self, keep: KeepStore, clock: Clock = time.time) -> None:
        self._keep = keep
        self._clock = clock
        #: The proper id (empty: nobody knows), and from when on a message that has the other renews it.
        self._known: OrderedDict[Place, tuple[str, float]] = OrderedDict()

    async def settle(self, message: Message) -> tuple[Message, list[Kept]]:
        """Return the message as from the sender's proper id, and what it teaches.

        That is to be written together with the message; `learn` it when it is on disk.

        Raises:
            StoreError: an id could not be looked up.
        """
        if not message.aliases:
            return message, []
        places = [_place(message, alias) for alias in message.aliases if len(alias) <= _LONGEST]
        if message.sender not in message.aliases:
            return message, self._taught(places, message.sender)
        for place in places:
            if user := await self._user(place):
                return _from(message, user), self._taught([place], user)
        return message, []

    def learn(self, taught: list[Kept]) -> None:
        """Take over what `settle` returned, now that it is on disk."""
        for each in taught:
            renewed = (each.ends or 0.0) - _LASTS + _RENEWED
            self._note((each.platform, each.bot, each.key), each.value["user"], renewed)

    def _taught(self, places: list[Place], user: str) -> list[Kept]:
        """Return what is to be written of a person's ids: those that are new, or due to be renewed."""
        now = self._clock()
        known = (self._known.get(place, ("", 0.0)) for place in places)
        value, ends = {"user": user}, now + _LASTS
        return [
            Kept(*place, value, ends)
            for place, (who, until) in zip(places, known, strict=True)
            if who != user or now >= until
        ]

    async def _user(self, place: Place) -> str:
        if place not in self._known:
            found = await self._keep.get(*place)
            user = str(found.get("user") or "") if found else ""
            if place not in self._known:  # whoever was learnt meanwhile is right
                self._note(place, user, 0.0)
        return self._known[place][0]

    def _note(self, place: Place, user: str, until: float) -> None:
        self._known[place] = user, until
        self._known.move_to_end(place)
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)


def _place(message: Message, alias: str) -> Place:
    # No bot's name holds a colon.
    company = f"corp:{message.corp}" if message.corp else f"bot:{message.bot}"
    return message.platform, company, f"alias:{alias}"


def _from(message: Message, user: str) -> Message:
    """Return the message with another sender, in that sender's session."""
    old = message.sender
    session = message.session
    if session.endswith(f":{old}"):
        session = session.removesuffix(old) + user
    chat = user if message.chat == old else message.chat
    return replace(message, sender=user, session=session, chat=chat)
