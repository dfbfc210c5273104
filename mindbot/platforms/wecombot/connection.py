"""Long-connection mode: callbacks come over a WebSocket, answers are pushed over it as they grow.

Source: WeCom developer centre, "AI bot long connection" (path/101463). Callbacks have no ack on this wire:
what is not on disk is tried again here. A reply names the callback's request id, for 24 hours; without one
the bot can write to those who wrote to it before.
"""

from __future__ import annotations

import random
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import structlog

from mindbot.domain import ids
from mindbot.domain.abilities import Check
from mindbot.domain.delivery import Delivery, Sent
from mindbot.domain.errors import (
    AuthFailed,
    MindBotError,
    NetworkFailed,
    Overloaded,
    Rejected,
    SecretError,
    StoreError,
    VendorError,
)
from mindbot.domain.host import Host
from mindbot.domain.message import Json, Part
from mindbot.domain.ports import Receive, Report
from mindbot.platforms.wecombot import say, wire
from mindbot.platforms.wecombot.adapter import WeComBot
from mindbot.platforms.wecombot.errors import BAD_REQUEST_ID, EXPIRED
from mindbot.platforms.wecombot.link import Link
from mindbot.platforms.wecombot.quota import Quotas
from mindbot.platforms.wecombot.upload import Uploads

if TYPE_CHECKING:
    from mindbot.config.vendors import WeComBotSettings

log = structlog.get_logger("mindbot.platforms.wecombot")

_REPLY = "aibot_respond_msg"
_SEND = "aibot_send_msg"
_REPLY_TTL = 86_400.0 - 60  # seconds a callback's request id can be answered
_MARGIN = 10.0  # seconds before the end of its life that a growing answer is closed
_SHOWN = 10_000
_LONGEST_RETRY = 5.0
_GONE = frozenset({BAD_REQUEST_ID, EXPIRED})

T = TypeVar("T")


class ConnectionBot(WeComBot):
    """One bot: `Platform` with the abilities Streams, Repeats, Fetches, Groups, Tests and
    Describes."""

    idempotent = False  # an answer in its stream is shown once, a message of the bot's own is not known again

    def __init__(
        self,
        settings: WeComBotSettings,
        bot: str,
        host: Host,
        *,
        clock: Callable[[], float] = time.time,
        backoff: float = 0.5,
    ) -> None:
        """See `WeComBot`. ``backoff`` is the first wait after a lost connection, in seconds."""
        super().__init__(settings, bot, host, clock=clock)
        self._backoff = backoff
        self._link: Link | None = None
        self._receive: Receive | None = None
        self._quotas = Quotas()
        self._uploads = Uploads(host.media)
        self._shown: OrderedDict[str, float] = OrderedDict()  # turn → when its stream began
        self._closed: OrderedDict[str, None] = OrderedDict()  # turns whose stream ended before the answer

    # -- in ----------------------------------------------------------------------------------------------

    async def run(self, receive: Receive, report: Report) -> None:
        """Keep the connection up until cancelled; each run reads the secret anew."""
        self._receive, self._report = receive, report
        s = self._settings
        self._link = Link(
            s.ws_url,
            self._credentials,
            self._came,
            self._tell,
            ping=s.ping,
            answer=s.answer_timeout,
            evicted_wait=s.evicted_wait,
            backoff=self._backoff,
        )
        report("starting", "connecting")
        await self._link.run()

    async def _credentials(self) -> tuple[str, str]:
        secret = self._settings.secret
        try:
            if secret is None:
                raise SecretError("there is none", hint="set `secret`, or mode: webhook")
            return self._settings.bot_id, await self._desk.secrets.aget(secret)
        except SecretError as error:
            raise AuthFailed(f"the bot's secret is not there: {error.message}", hint=error.hint) from error

    def _tell(self) -> None:
        """Report how the connection is."""
        assert self._link is not None
        link = self._link
        match link.state:
            case "connected":
                self._report("ok", "")
            case "needs credentials":
                self._report("failed", f"needs credentials: {link.reason}")
            case "evicted":
                wait = self._settings.evicted_wait
                after = f"; trying again in {wait:.0f}s" if wait else ""
                self._report("failed", f"evicted by another connection: {link.reason}{after}")
            case "disconnected":
                self._report("degraded", f"not connected: {link.reason}")

    async def _came(self, command: str, id: str, body: Json, raw: str) -> None:
        """Put a callback on disk, however long that takes; answer those events that can be answered."""
        kind = wire.event_of(body)["eventtype"] if command == "aibot_event_callback" else ""
        try:
            if kind == "template_card_event":
                card = await self._stored(lambda receive: self._press(body, raw, receive, req_id=id))
                if card is not None:
                    update = {"response_type": "update_template_card", "userids": [wire.user_of(body)]}
                    await self._answer_event("aibot_respond_update_msg", id, update | {"template_card": card})
                return
            address: dict[str, Any] = {} if kind else {"req_id": id, "stream": True}
            message, receipt = await self._stored(lambda r: self._take(body, raw, r, **address))
        except ValueError as error:
            log.warning("callback not understood", bot=self.bot, error=str(error), body=raw[:500])
            return
        if kind == "feedback_event":
            await self._stored(lambda _: self._feedback(message, receipt))
        elif kind == "enter_chat" and self._settings.welcome_message and not receipt.duplicate:
            text = {"msgtype": "text", "text": {"content": self._settings.welcome_message}}
            await self._answer_event("aibot_respond_welcome_msg", id, text)

    async def _stored(self, step: Callable[[Receive], Awaitable[T]]) -> T:
        """Repeat a step until the store takes it: this wire would not send it again."""
        assert self._receive is not None
        delay = 0.1
        while True:
            try:
                return await step(self._receive)
            except StoreError as error:
                log.error("callback not stored, trying again", bot=self.bot, error=str(error))
            await anyio.sleep(delay)
            delay = min(_LONGEST_RETRY, delay * 2)

    async def _answer_event(self, command: str, id: str, body: Json) -> None:
        """Answer an event; five seconds after it nobody wants to know."""
        assert self._link is not None
        try:
            with anyio.fail_after(5.0):
                await self._link.request(command, body, id=id)
        except (VendorError, TimeoutError) as error:
            log.warning("event not answered", bot=self.bot, command=command, error=str(error) or "too slow")

    # -- out ---------------------------------------------------------------------------------------------

    def plan(self, parts: Sequence[Part]) -> list[list[Part]]:
        """Split a reply into messages; see `mindbot.platforms.wecombot.say.plan_messages`."""
        return say.plan_messages(parts)

    def address(self, user: str) -> Json:
        """Return what reaches a user who has written to the bot before."""
        return {"user": user, "chat": ""}

    def address_group(self, chat: str) -> Json:
        """Return what reaches a group in which somebody has written to the bot before."""
        return {"user": "", "chat": chat}

    @property
    def pace(self) -> float:
        """Seconds to the next update; never quite the same, so that answers begun together spread out."""
        return self._settings.stream_pace * random.uniform(1.0, 1.3)

    async def stream(self, delivery: Delivery, text: str) -> None:
        """Show the answer so far; raises VendorError."""
        turn, s = ids.show(delivery.turn), self._settings
        first = turn not in self._shown
        if turn in self._closed or not text.strip():
            return
        if (first or s.count_stream_frames) and not self._quotas.free(_chat(delivery.to)):
            return  # the next update brings all of it
        if first:
            self._shown[turn] = self._clock()
            while len(self._shown) > _SHOWN:
                self._shown.popitem(last=False)
        elif self._clock() - self._shown[turn] > s.stream_lifetime - _MARGIN:
            self._closed[turn] = None
            while len(self._closed) > _SHOWN:
                self._closed.popitem(last=False)
            await self._frame(delivery, say.LATE, finish=True)
            return
        await self._frame(delivery, say.so_far(text, s.placeholder), finish=False, first=first)

    async def _frame(self, delivery: Delivery, text: str, *, finish: bool, first: bool = False) -> None:
        body = say.stream(
            ids.show(delivery.turn), text, finish=finish, feedback=first and self._settings.feedback
        )
        await self._request(_REPLY, body, id=str(delivery.to["req_id"]))

    async def send(self, delivery: Delivery) -> Sent:
        """End a stream, answer a message, or write of the bot's own accord; raises VendorError."""
        remarks = say.remarks(delivery.parts)
        if self._streamed(delivery):
            return await self._finish(delivery, remarks)
        reply = self._fresh(delivery)
        sent = Sent()
        # A stream's delivery may hold more than one message; a later attempt goes on where this one stops.
        messages = self.plan(delivery.parts) if delivery.kind == "stream" else [list(delivery.parts)]
        for n in range(int(delivery.notes.get("said", 0)), len(messages)):
            sent = await self._say(messages[n], delivery, reply=reply and delivery.n == 0 and n == 0)
            if len(messages) > 1:
                delivery.notes["said"] = n + 1
        return Sent(sent.id, {**remarks, **sent.notes})

    def repeatable(self, delivery: Delivery) -> bool:
        """Tell whether this is nothing but the end of a stream: the same last frame shows nothing twice."""
        young = self._clock() - delivery.created < self._settings.stream_lifetime
        fits = len(say.text_of(delivery.parts).encode()) <= say.MAX_TEXT
        return young and fits and self._streamed(delivery)

    def _fresh(self, delivery: Delivery) -> bool:
        """Tell whether there is a message that this can be a reply to."""
        age = self._clock() - float(delivery.to.get("asked") or 0)
        return bool(delivery.to.get("stream") and delivery.to.get("req_id")) and age < _REPLY_TTL

    def _streamed(self, delivery: Delivery) -> bool:
        """Tell whether this goes out as a stream."""
        textual = all(part.kind in say.TEXTS for part in delivery.parts)
        return textual and (delivery.kind == "stream" or delivery.n == 0) and self._fresh(delivery)

    async def _finish(self, delivery: Delivery, remarks: Json) -> Sent:
        """Put the whole answer into its stream; what does not fit follows in messages.

        Where the stream can take it no more, the answer is a message of its own.
        """
        turn = ids.show(delivery.turn)
        pieces = self.plan([Part("markdown", say.text_of(delivery.parts))])
        said = int(delivery.notes.get("said", 0))
        notes: Json = {"way": "stream"}
        if not said and pieces:
            if await self._end(delivery, pieces[0][0].text):
                said = delivery.notes["said"] = 1
            else:
                notes["way"] = "message"
        for piece in pieces[said:]:
            await self._say(piece, delivery, reply=False)
            said += 1
            delivery.notes["said"] = said
        self._shown.pop(turn, None)
        self._closed.pop(turn, None)
        return Sent(say.stream_id(turn), {**remarks, **notes})

    async def _end(self, delivery: Delivery, text: str) -> bool:
        """Send the last frame of a stream; False when it is closed for good.

        The same frame again shows nothing twice, so an unknown outcome is none.
        """
        turn = ids.show(delivery.turn)
        if turn in self._closed:
            return False
        began = self._shown.get(turn)
        if began is None:
            if not delivery.again:
                await self._place(delivery)
            began = delivery.created or self._clock()
        try:
            await self._frame(delivery, text, finish=True, first=delivery.kind != "stream")
        except NetworkFailed as error:
            if error.sent:
                delivery.notes["unanswered"] = True
            raise NetworkFailed(error.message, hint=error.hint, code=error.code, sent=False) from error
        except Rejected as error:
            if error.code not in _GONE:
                raise
            # It is refused for its age, or because an attempt whose answer was lost has ended it.
            ended = delivery.again or delivery.notes.get("unanswered")
            young = self._clock() - began < self._settings.stream_lifetime
            return bool(ended and young and error.code == EXPIRED)
        return True

    async def _say(self, parts: Sequence[Part], delivery: Delivery, *, reply: bool) -> Sent:
        """Send one planned message, as a reply or by itself."""
        assert self._link is not None
        part = parts[0]
        await self._place(delivery)
        body, notes = await self._body(part, delivery)
        if reply:
            try:
                await self._request(_REPLY, body, id=str(delivery.to["req_id"]))
                return Sent(f"reply-{delivery.id}", notes)
            except Rejected as error:
                if error.code not in _GONE:
                    raise
        chat = _chat(delivery.to)
        kind = 2 if delivery.to.get("chat") else 1
        answer = await self._request(_SEND, {"chatid": chat, "chat_type": kind, **body})
        return Sent(str(answer.get("msgid") or f"send-{delivery.id}"), notes)

    async def _body(self, part: Part, delivery: Delivery) -> tuple[Json, Json]:
        """Return a message's body, and what the delivery should say of it."""
        assert self._link is not None
        if say.is_card(part):
            if not delivery.to.get("chat"):
                return {"msgtype": "template_card", "template_card": await self._card(part, delivery)}, {}
            part = Part("text", say.choices(part))
            return {"msgtype": "markdown", "markdown": {"content": part.text}}, {"sent_as_text": ["card"]}
        if part.kind in say.FILES:
            kind, id = await self._uploads.media_id(part, self._link.request)
            content: Json = {"media_id": id}
            if kind == "video":
                content |= {"title": str(part.data.get("name") or "")[:20]}
            return {"msgtype": kind, kind: content}, {"sent_as": kind} if kind != part.kind else {}
        text = say.text_of([part])
        return {"msgtype": "markdown", "markdown": {"content": text}}, {}

    async def _place(self, delivery: Delivery) -> None:
        """Wait for a place among the conversation's messages; raises Overloaded."""
        if not await self._quotas.wait(_chat(delivery.to)):
            raise Overloaded("this conversation has had as many messages as WeCom allows")

    async def _request(self, command: str, body: Json, *, id: str = "") -> Json:
        if self._link is None:
            raise NetworkFailed("the bot is stopped", sent=False)
        return await self._link.request(command, body, id=id)

    # -- for operators -----------------------------------------------------------------------------------

    def details(self) -> Json:
        """Return the connection and counters."""
        link = self._link
        if link is None:
            return {"mode": "connection"}
        facts = {"state": link.state, "reason": link.reason, "since": link.since, "opened": link.opened}
        return {"mode": "connection", "connection": facts, "streams": len(self._shown), **link.counts}

    async def test(self) -> list[Check]:
        """Read the secret, look at the connection, and let WeCom answer a ping."""
        found: list[Check] = []
        try:
            await self._credentials()
            found.append(Check("secret", "ok"))
        except MindBotError as error:
            found.append(Check("secret", "failed", error.message, error.hint or "`secret` of this bot"))
        link = self._link
        if link is None or link.state != "connected":
            reason = f"{link.state}: {link.reason}" if link else "the bot is stopped"
            mend = "bot_id, secret and ws_url; is the bot in long-connection mode, and no other client on it?"
            return [*found, Check("subscription", "failed", reason, mend)]
        found.append(Check("subscription", "ok"))
        try:
            await link.request("ping", {})
            found.append(Check("round trip", "ok"))
        except MindBotError as error:
            mend = error.hint or "`mindbot platform restart` begins anew"
            found.append(Check("round trip", "failed", error.message, mend))
        return found


def _chat(to: Json) -> str:
    """Return the conversation a reply goes to."""
    return str(to.get("chat") or to.get("user") or "")
