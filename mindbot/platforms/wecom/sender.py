"""Sends messages of an application: files uploaded, limits kept, repeats recognised.

Sources: WeCom developer centre, "Send application message" (path/90236), "Recall application
message" (path/94867), "Call frequency" (path/90312).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from mindbot.domain import fields
from mindbot.domain.delivery import Delivery, Sent
from mindbot.domain.errors import RateLimited, Rejected
from mindbot.domain.host import Host
from mindbot.domain.message import Json, Part
from mindbot.platforms.allowance import Allowance
from mindbot.platforms.clocks import timer_of
from mindbot.platforms.split import printable, split_bytes
from mindbot.platforms.wecom import limits, say
from mindbot.platforms.wecom.buttons import TemplateCards, task_of
from mindbot.platforms.wecom.duplicate_check import DuplicateCheck
from mindbot.platforms.wecom.uploads import MediaUploads, expired
from mindbot.platforms.wecom_shared.api import Api

if TYPE_CHECKING:
    from mindbot.platforms.wecom.settings import WeComSettings

_MARGIN = 1.0  # seconds by which our windows are longer than WeCom's: requests take their time
_NO_CALLBACK, _TASK_USED = "43012", "42014"
_UNKNOWN_MESSAGE = "40058"  # what a recall is answered that names a message which is not there (any more)


class ApplicationSender:
    """One bot's way out. ``sent`` and ``held`` count messages, ``held`` those that waited for a member."""

    def __init__(
        self,
        api: Api,
        settings: WeComSettings,
        host: Host,
        buttons: TemplateCards,
        clock: Callable[[], float],
    ) -> None:
        self._api = api
        self._agent_id = settings.agent_id
        self._buttons = buttons
        self._clock = clock
        self._uploads = MediaUploads(api, host)
        self._repeats = DuplicateCheck()
        windows = [(settings.member_per_minute, 60.0), (settings.member_per_hour, 3600.0)]
        limits_of = [(n, seconds + _MARGIN) for n, seconds in windows]
        self._members = Allowance(limits_of, clock=timer_of(clock))
        self.sent = 0
        self.held = 0

    @property
    def uploaded(self) -> int:
        """How many files were uploaded."""
        return self._uploads.uploaded

    def remember(self, sent: Iterable[Delivery]) -> None:
        """Learn what went out before this process began, oldest first."""
        for delivery in sent:
            self._repeats.remember(delivery.id, str(delivery.to.get("touser")), say.fingerprint(delivery))
            for user in say.receivers(delivery.to):
                self._members.past(user, self._clock() - delivery.ended)

    def repeatable(self, delivery: Delivery) -> bool:
        """Tell whether WeCom knows a delivery again, this long after it was made."""
        return self._repeats.knows(
            delivery, str(delivery.to.get("touser")), say.fingerprint(delivery), self._clock()
        )

    async def send(self, delivery: Delivery) -> Sent:
        """Send one message.

        Raises:
            RateLimited: of the scope "session" where the member got as many as WeCom shows in a minute or
                an hour: it would drop the message and say nothing.
            VendorError: see `mindbot.platforms.wecom_shared.errors`; Rejected also for what is over a limit.
            NotFound: a file is not in the media store any more.
        """
        parts = [await self._uploads.ready(part) for part in delivery.parts]
        try:
            sent = await self._say(delivery, parts)
        except Rejected as error:
            if not expired(error) or not any(part.data.get("media") for part in parts):
                raise
            for part in parts:
                await self._uploads.forget(part)
            sent = await self._say(delivery, [await self._uploads.ready(part) for part in delivery.parts])
        self.sent += 1
        return sent

    async def take_back(self, delivery: Delivery) -> None:
        """Recall all messages of a delivery, the last one first.

        Raises:
            VendorError: too late, not this application's, or WeCom never said its id.
        """
        pieces = delivery.notes.pieces or ([delivery.sent_id] if delivery.sent_id else [])
        if not pieces:
            raise Rejected("WeCom gave no id for this message", hint="an attempt before may have shown it")
        for id in reversed([piece for piece in pieces if piece not in delivery.gone]):
            try:
                await self._api.post("message/recall", {"msgid": id})
            except Rejected as error:
                if not (delivery.maybe_gone and error.code == _UNKNOWN_MESSAGE):
                    raise
            delivery.gone.append(id)

    async def _say(self, delivery: Delivery, parts: Sequence[Part]) -> Sent:
        msgtype, content = say.content(parts, task_of(delivery))
        if msgtype == "template_card" and limits.needs_callback(content):
            return await self._send_card(delivery, content)
        answer = await self._post(delivery, msgtype, content, parts[0])
        return Sent(fields.text(answer.get("msgid")), _notes(delivery, parts, answer))

    async def _send_card(self, delivery: Delivery, card: Json) -> Sent:
        """Send a card that can be pressed; its text where the application has no callback."""
        task = str(card["task_id"])
        await self._buttons.opens(delivery, task)
        try:
            answer = await self._post(delivery, "template_card", card, delivery.parts[0])
        except Rejected as error:
            if error.code == _TASK_USED and delivery.again:
                return Sent("", {"card": task, "repeated": True})  # it had arrived
            await self._buttons.dropped(task)
            if error.code != _NO_CALLBACK:
                raise
            return await self._say_options(delivery, str(error))
        await self._buttons.sent(task, answer)
        return Sent(
            fields.text(answer.get("msgid")), {"card": task, **_notes(delivery, delivery.parts, answer)}
        )

    async def _say_options(self, delivery: Delivery, why: str) -> Sent:
        """Say a card's text and choices; a later attempt goes on where this one stops."""
        pieces = split_bytes(printable(say.options(delivery.parts[0])), limits.MAX_TEXT)
        answer: Json = {}
        for n in range(delivery.said, len(pieces)):
            answer = await self._post(delivery, "text", {"content": pieces[n]}, Part("text"))
            delivery.notes.said = n + 1
            delivery.notes.pieces = [*(delivery.notes.pieces or ()), fields.text(answer.get("msgid"))]
        return Sent(fields.text(answer.get("msgid")), {"sent_as_text": ["card"], "card_error": why})

    async def _post(self, delivery: Delivery, msgtype: str, content: Json, part: Part) -> Json:
        body = say.envelope(delivery, self._agent_id) | {"msgtype": msgtype, msgtype: content}
        body |= say.extras(part)
        wait = self._members.wait(say.receivers(delivery.to))
        if wait > 0:
            self.held += 1
            reason = (
                "message/send: WeCom would drop this, the member got all of a minute's or an hour's messages"
            )
            raise RateLimited(reason, retry_after=wait, scope="session")
        body |= self._repeats.check(delivery, body["touser"], say.fingerprint(delivery))
        answer = await self._api.post("message/send", body)
        say.unreached(answer, delivery.to)
        return answer


def _notes(delivery: Delivery, parts: Sequence[Part], answer: Json) -> Json:
    """Return what the trace should say of an accepted message."""
    notes: Json = {}
    if degraded := [part.data["was"] for part in delivery.parts if "was" in part.data]:
        notes["sent_as_text"] = degraded
    if why := [part.data["why"] for part in parts if "why" in part.data]:
        notes["sent_as_file"] = why
    if missed := say.unreached(answer, delivery.to):
        notes["not_reached"] = missed
    return notes
