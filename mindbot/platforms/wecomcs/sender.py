"""Sending: by msgid of our own, by code, and handing over, each so that a repeat changes nothing.

Sources: WeCom developer centre, "Sending messages" (path/94677), "Messages in answer to events" (path/95122).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog

from mindbot.domain.delivery import Delivery, Sent
from mindbot.domain.errors import MindBotError, Overloaded, Rejected, StoreError, VendorError
from mindbot.domain.host import Media
from mindbot.domain.message import Json, Part, text_part
from mindbot.platforms.before_sending import preparing
from mindbot.platforms.pace import Pace
from mindbot.platforms.wecom_shared.api import Api
from mindbot.platforms.wecomcs import files, say
from mindbot.platforms.wecomcs.budget import Budget
from mindbot.platforms.wecomcs.conversations import BOT, NEW, STATES, Conversations, refused

if TYPE_CHECKING:
    from mindbot.platforms.wecomcs.settings import WeComCsSettings

log = structlog.get_logger("mindbot.platforms.wecomcs")

_PER_SECOND = 50.0  # sends; well below the documented 10,000 a minute


class CustomerSender:
    """What one bot says."""

    def __init__(
        self,
        api: Api,
        media: Media,
        talks: Conversations,
        budget: Budget,
        settings: WeComCsSettings,
        clock: Callable[[], float],
    ) -> None:
        self._api = api
        self._media = media
        self._talks = talks
        self._budget = budget
        self._settings = settings
        self._clock = clock
        self._repeated = frozenset(map(str, settings.repeated_codes))
        self._pace = Pace(_PER_SECOND)

    async def send(self, delivery: Delivery) -> Sent:
        """Send one delivery; raises VendorError."""
        part = delivery.parts[0] if delivery.parts else text_part("")
        if part.kind == "transfer":
            return await self._transfer(delivery, part)
        if part.data.get("code"):
            return await self._answer(delivery, part)
        return await self._message(delivery, part)

    async def _message(self, delivery: Delivery, part: Part) -> Sent:
        to = delivery.to
        with preparing():
            if not delivery.again:  # what may have arrived is settled by its id
                await self._talks.check(to)
                await self._budget.check(to)
            part = await files.uploaded(part, self._api, self._media)
        msgid, notes = say.msgid_of(delivery), say.notes_of(part)
        body = {"touser": to["touser"], "open_kfid": to["open_kfid"], "msgid": msgid}
        await self._pace.turn()
        try:
            await self._api.post("kf/send_msg", body | say.body_of(part))
        except Rejected as error:
            if error.code == "95018":
                raise await self._why(to, error) from error
            if error.code == "95001":  # it counts better than we do
                await self._budget.exhaust(to)
            # Unsure is which code refuses an id that was used: a first send with such a code has failed.
            if not (delivery.again and error.code in self._repeated):
                raise
            notes["arrived"] = f"before; the repeat was refused ({error.code})"
        try:
            left = await self._budget.spend(to, delivery.id)
        except StoreError as error:  # it has arrived: sending it again would be no mend, and WeCom counts too
            log.warning("a message is not counted", delivery=delivery.id, error=str(error))
            left = None
        return Sent(msgid, notes | ({} if left is None else {"left": left}))

    async def _why(self, to: Json, error: Rejected) -> VendorError:
        """Return why a state does not allow messages: a person came between the look and the sending.

        One who has left again since is no reason any more: it is sent with the next attempt.
        """
        try:
            state, servicer = await self._talks.state(to)
        except MindBotError:
            return error
        if state in (NEW, BOT):
            reason = f"{error.message}; by now the conversation is {STATES[state]}"
            return Overloaded(reason, hint="it is sent again", code=error.code)
        return refused(state, servicer)

    async def _answer(self, delivery: Delivery, part: Part) -> Sent:
        """Answer an event with the code it brought: good for one message, for a while, and not counted."""
        msgid = say.msgid_of(delivery)
        if self._clock() > float(part.data.get("until") or self._clock()):
            unknown = "; whether the first try arrived is not known" if delivery.again else ""
            raise Rejected(f"not sent: the event's code has ended{unknown}", hint="it is too late for it")
        await self._pace.turn()
        body = {"code": part.data["code"], "msgid": msgid, **say.body_of(part)}
        notes: Json = {}
        try:
            await self._api.post("kf/send_msg_on_event", body)
        except Rejected as error:
            if not delivery.again:
                raise
            notes["arrived"] = f"before, it seems; the repeat was refused ({error.code})"
        if cause := str(part.data.get("handed") or ""):
            await self._talks.said(cause)
        return Sent(msgid, notes)

    async def _transfer(self, delivery: Delivery, part: Part) -> Sent:
        """Hand the conversation over, and say so; one that people have already is left to them.

        Sent again after a crash or a failure, it says what was not said: the code is kept until then.
        """
        msgid, target = say.msgid_of(delivery), str(part.data.get("to") or self._settings.handoff_to)
        done = await self._talks.hand_over(delivery.to, target, msgid)
        notes: Json = {"handed_to": done.who}
        if text := part.text or self._settings.handoff_message:
            notes["said"] = bool(done.code)
            if done.code:
                try:
                    await self._say(done.code, text, msgid)
                except Rejected as error:
                    notes["said"] = done.again
                    if done.again:
                        notes["arrived"] = f"before, it seems; the repeat was refused ({error.code})"
                await self._talks.said(msgid)
        return Sent("", notes)

    async def say(self, code: str, text: str) -> bool:
        """Tell the customer something with a code just got; false when WeCom refuses or does not answer."""
        try:
            await self._say(code, text)
        except MindBotError:
            return False
        return True

    async def _say(self, code: str, text: str, msgid: str = "") -> None:
        content = say.clipped(text, say.MAX_TEXT)
        body: Json = {"code": code, "msgtype": "text", "text": {"content": content}}
        await self._api.post("kf/send_msg_on_event", body | ({"msgid": msgid} if msgid else {}))
