"""Whose conversation it is, who takes it over, and how much the bot may still say in it.

Sources: WeCom developer centre, "Assigning conversations" (path/94669) and "Sending messages" (path/94677).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mindbot.domain.abilities import Silence
from mindbot.domain.errors import Conflict, Rejected
from mindbot.domain.host import Keep
from mindbot.domain.message import Json, Message, Part
from mindbot.platforms.wecom.api import Api
from mindbot.platforms.wecomcs import wire
from mindbot.platforms.wecomcs.pull import talk_key

if TYPE_CHECKING:
    from mindbot.config.vendors import WeComCsSettings

NEW, BOT, POOL, PERSON, ENDED = range(5)
STATES = {NEW: "new", BOT: "bot", POOL: "queueing for people", PERSON: "with a person", ENDED: "ended"}
_TARGETS = {"bot": BOT, "pool": POOL, "end": ENDED}


class Talks:
    """The conversations of one bot. WeCom keeps their states; what may still be said is kept here."""

    def __init__(self, api: Api, keep: Keep, settings: WeComCsSettings, clock: Callable[[], float]) -> None:
        self._api = api
        self._keep = keep
        self._settings = settings
        self._clock = clock

    async def silence(self, message: Message) -> Silence | None:
        """Ask whose conversation it is, and hand it over where the customer asks for a person."""
        to = message.reply_to
        state, servicer = await self.state(to)
        if state in (POOL, PERSON):
            return Silence(f"{STATES[state]}{f': {servicer}' if servicer else ''}")
        if state == ENDED:
            return Silence("the conversation has ended")
        if word := next((w for w in self._settings.handoff_keywords if w and w in message.text), ""):
            return await self._hand_over(to, word)
        if state == NEW and self._settings.take_sessions:
            try:
                await self.move(to, BOT)
            except Rejected as error:
                if error.code != "95016":  # somebody was quicker
                    raise
                return await self.silence(message)
        return None

    async def _hand_over(self, to: Json, word: str) -> Silence:
        target = self._settings.handoff_to
        try:
            answer = await self.move(to, _TARGETS.get(target, PERSON), target)
        except Rejected as error:
            if target == "pool" or error.code not in ("95014", "95019"):
                raise
            answer = await self.move(to, POOL)  # that person is not there: whoever is
        code, text = answer.get("msg_code"), self._settings.handoff_message
        say = (Part("text", text, {"code": code}),) if code and text else ()
        return Silence(f"handed to people: the customer said {word!r}", say)

    async def transfer(self, address: Json, to: str) -> Json:
        """Hand a conversation to ``pool``, ``bot``, ``end``, or a servicer by user id.

        Raises:
            Conflict: its state does not allow that.
            VendorError: WeCom refused.
        """
        try:
            await self.move(address, _TARGETS.get(to, PERSON), to)
        except Rejected as error:
            if error.code != "95016":
                raise
            state, servicer = await self.state(address)
            who = f" ({servicer})" if servicer else ""
            hint = (
                "the customer must write again"
                if state == ENDED
                else "people hand it on, not back to the bot"
            )
            raise Conflict(f"the conversation is {STATES.get(state, state)}{who}", hint=hint) from error
        state, servicer = await self.state(address)
        return {"state": STATES.get(state, str(state)), "servicer": servicer}

    async def state(self, to: Json) -> tuple[int, str]:
        body = {"open_kfid": to["open_kfid"], "external_userid": to["touser"]}
        answer = await self._api.post("kf/service_state/get", body)
        # The documents and a known client disagree about the name of the second.
        servicer = answer.get("servicer_userid") or answer.get("service_userid") or ""
        return int(answer.get("service_state", NEW)), str(servicer)

    async def move(self, to: Json, state: int, servicer: str = "") -> Json:
        body = {"open_kfid": to["open_kfid"], "external_userid": to["touser"], "service_state": state}
        if state == PERSON:
            body["servicer_userid"] = servicer
        return await self._api.post("kf/service_state/trans", body)

    async def may_send(self, to: Json) -> None:
        """Look once more before something is said: a person may have come in between.

        Raises:
            Rejected: the bot has nothing to say now.
        """
        state, servicer = await self.state(to)
        if state in (POOL, PERSON, ENDED):
            who = f" ({servicer})" if servicer else ""
            hint = "the customer must write again" if state == ENDED else "people answer now"
            raise Rejected(f"not sent: the conversation is {STATES[state]}{who}", hint=hint, code="95018")
        talk = await self._keep.get(talk_key(to["open_kfid"], to["touser"]))
        if talk is None:
            return  # WeCom counts as well
        if talk["left"] <= 0:
            hint = "the customer must write again"
            raise Rejected(
                "not sent: five messages went out since the customer wrote", hint=hint, code="95001"
            )
        if self._clock() - talk["last"] > wire.WINDOW:
            raise Rejected("not sent: the customer wrote more than 48 hours ago", code="95002")

    async def spend(self, to: Json) -> int | None:
        """Count a message that went out; returns how many are left, None when nobody knows."""
        key = talk_key(to["open_kfid"], to["touser"])
        talk = await self._keep.get(key)
        if talk is None:
            return None
        talk["left"] = max(0, talk["left"] - 1)
        await self._keep.put(key, talk)
        return int(talk["left"])

    async def described(self, to: Json) -> str:
        """Return a conversation's state in words."""
        state, servicer = await self.state(to)
        return f"{STATES.get(state, state)}{f' ({servicer})' if servicer else ''}"
