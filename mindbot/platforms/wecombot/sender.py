"""What is said over a long connection: streams and their ends, messages, files, cards.

Source: WeCom developer centre, "AI bot long connection" (path/101463).
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import anyio

from mindbot.domain import fields, ids
from mindbot.domain.delivery import Delivery, Sent
from mindbot.domain.errors import NetworkFailed, Overloaded, Rejected
from mindbot.domain.host import Host
from mindbot.domain.message import Json, Part
from mindbot.platforms import split
from mindbot.platforms.clocks import timer_of
from mindbot.platforms.split import clip
from mindbot.platforms.wecombot import say
from mindbot.platforms.wecombot.errors import BAD_REQUEST_ID, EXPIRED
from mindbot.platforms.wecombot.link import READY, Link
from mindbot.platforms.wecombot.quota import ConversationQuotas
from mindbot.platforms.wecombot.uploads import ChunkedUploads

if TYPE_CHECKING:
    from mindbot.platforms.wecombot.settings import WeComBotSettings

_REPLY = "aibot_respond_msg"
_SEND = "aibot_send_msg"
_REPLY_TTL = 86_400.0 - 60  # seconds a callback's request id can be answered
_MARGIN = 10.0  # seconds before the end of its life that a growing answer is closed
_SHOWN = 10_000
#: Seconds of an attempt in which all that comes before a message's own frame must be done, and in which that
#: frame must find a connection: after 30 the outbox takes it for a message that may have arrived.
_PREPARE = 18.0
_START = 23.0
_GONE = frozenset({BAD_REQUEST_ID, EXPIRED})


class ConnectionSender:
    """Carries out deliveries. ``link`` returns the connection while the bot runs, ``card`` makes a card."""

    def __init__(
        self,
        settings: WeComBotSettings,
        host: Host,
        clock: Callable[[], float],
        link: Callable[[], Link | None],
        card: Callable[[Part, Delivery], Awaitable[Json]],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._timer = timer_of(clock)
        self._link = link
        self._card = card
        self._quotas = ConversationQuotas()
        self._uploads = ChunkedUploads(host.media)
        self._shown: OrderedDict[str, float] = OrderedDict()  # turn → when its stream began
        self._closed: OrderedDict[str, None] = OrderedDict()  # turns whose stream ended before the answer

    @property
    def streams(self) -> int:
        """How many answers are growing."""
        return len(self._shown)

    async def stream(self, delivery: Delivery, text: str) -> None:
        """Show the answer so far; raises VendorError."""
        turn, s = ids.show(delivery.turn), self._settings
        first = turn not in self._shown
        if turn in self._closed or not text or text.isspace():
            return
        if (first or s.count_stream_frames) and not self._quotas.free(_chat(delivery.to)):
            return  # the next update brings all of it
        if first:
            self._shown[turn] = self._timer()
            while len(self._shown) > _SHOWN:
                self._shown.popitem(last=False)
        elif self._timer() - self._shown[turn] > s.stream_lifetime - _MARGIN:
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
        began = anyio.current_time()
        remarks = say.remarks(delivery.parts)
        if self._streamed(delivery):
            return await self._finish(delivery, remarks, began)
        reply = self._fresh(delivery)
        sent = Sent()
        # A stream's delivery may hold more than one message; a later attempt goes on where this one stops.
        messages = self._plan(delivery.parts) if delivery.kind == "stream" else [list(delivery.parts)]
        for n in range(delivery.said, len(messages)):
            first = delivery.n == 0 and n == 0
            sent = await self._say(messages[n], delivery, began, reply=reply and first)
            if len(messages) > 1:
                delivery.notes.said = n + 1
        return Sent(sent.id, {**remarks, **sent.notes})

    def repeatable(self, delivery: Delivery) -> bool:
        """Tell whether this is nothing but the end of a stream: the same last frame shows nothing twice."""
        young = self._clock() - delivery.created < self._settings.stream_lifetime
        fits = len(say.text_of(delivery.parts).encode()) <= say.MAX_TEXT
        return young and fits and self._streamed(delivery)

    def _plan(self, parts: Sequence[Part]) -> list[list[Part]]:
        return say.plan_messages(parts, self._settings.messages_per_reply)

    def _fresh(self, delivery: Delivery) -> bool:
        """Tell whether there is a message that this can be a reply to."""
        age = self._clock() - fields.number(delivery.to.get("asked"))
        return bool(delivery.to.get("stream") and delivery.to.get("req_id")) and age < _REPLY_TTL

    def _streamed(self, delivery: Delivery) -> bool:
        """Tell whether this goes out as a stream."""
        textual = all(part.kind in say.TEXTS for part in delivery.parts)
        return textual and (delivery.kind == "stream" or delivery.n == 0) and self._fresh(delivery)

    async def _finish(self, delivery: Delivery, remarks: Json, attempt: float) -> Sent:
        """Put the whole answer into its stream; what does not fit follows in messages.

        Where the stream can take it no more, the answer is a message of its own.
        """
        turn = ids.show(delivery.turn)
        pieces = self._plan([Part("markdown", say.text_of(delivery.parts))])
        if left_out := split.left_out(pieces):
            remarks = remarks | {"cut": left_out}
        said = delivery.said
        notes: Json = {"way": "stream"}
        if not said and pieces:
            if await self._end(delivery, pieces[0][0].text):
                said = delivery.notes.said = 1
            else:
                notes["way"] = "message"
        for piece in pieces[said:]:
            await self._say(piece, delivery, attempt, reply=False)
            said += 1
            delivery.notes.said = said
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
            began = self._timer() - max(0.0, self._clock() - (delivery.created or self._clock()))
        try:
            await self._frame(delivery, text, finish=True, first=delivery.kind != "stream")
        except NetworkFailed as error:
            if error.sent:
                delivery.notes.unanswered = True
            raise NetworkFailed(error.message, hint=error.hint, code=error.code, sent=False) from error
        except Rejected as error:
            if error.code not in _GONE:
                raise
            # It is refused for its age, or because an attempt whose answer was lost has ended it.
            ended = delivery.again or delivery.notes.unanswered
            young = self._timer() - began < self._settings.stream_lifetime
            return bool(ended and young and error.code == EXPIRED)
        return True

    async def _say(self, parts: Sequence[Part], delivery: Delivery, attempt: float, *, reply: bool) -> Sent:
        """Send one planned message, as a reply or by itself; the ``attempt`` began then (loop time)."""
        try:
            with anyio.fail_at(attempt + _PREPARE):
                body, notes = await self._body(parts[0], delivery)
                await self._place(delivery)
        except TimeoutError as error:
            raise NetworkFailed("too slow, it goes on with the next attempt", sent=False) from error
        try:
            sent = await self._out(body, delivery, attempt + _START, reply=reply)
        except Rejected:
            self._uploads.done(delivery.id)
            raise
        self._uploads.done(delivery.id)
        return Sent(sent, notes)

    async def _out(self, body: Json, delivery: Delivery, start: float, *, reply: bool) -> str:
        """Send a message's own frame, for which there is a connection before ``start``; returns its id."""
        if reply:
            try:
                await self._request(_REPLY, body, id=str(delivery.to["req_id"]), start=start)
                return f"reply-{delivery.id}"
            except Rejected as error:
                if error.code not in _GONE:
                    raise
        kind = 2 if delivery.to.get("chat") else 1
        whole = {"chatid": _chat(delivery.to), "chat_type": kind, **body}
        answer = await self._request(_SEND, whole, start=start)
        return fields.text(answer.get("msgid")) or f"send-{delivery.id}"

    async def _body(self, part: Part, delivery: Delivery) -> tuple[Json, Json]:
        """Return a message's body, and what the delivery should say of it."""
        if say.is_card(part):
            if not delivery.to.get("chat"):
                return {"msgtype": "template_card", "template_card": await self._card(part, delivery)}, {}
            part = Part("text", say.choices(part))
            return {"msgtype": "markdown", "markdown": {"content": part.text}}, {"sent_as_text": ["card"]}
        if part.kind in say.FILES:
            kind, id = await self._uploads.media_id(part, delivery.id, self._request)
            content: Json = {"media_id": id}
            if kind == "video":
                content |= {"title": clip(str(part.data.get("name") or ""), 20)}
            return {"msgtype": kind, kind: content}, {"sent_as": kind} if kind != part.kind else {}
        text = say.text_of([part])
        return {"msgtype": "markdown", "markdown": {"content": text}}, {}

    async def _place(self, delivery: Delivery) -> None:
        """Wait for a place among the conversation's messages; raises Overloaded."""
        if not await self._quotas.wait(_chat(delivery.to)):
            raise Overloaded("this conversation has had as many messages as WeCom allows")

    async def _request(self, command: str, body: Json, *, id: str = "", start: float = math.inf) -> Json:
        if (link := self._link()) is None:
            raise NetworkFailed("the bot is stopped", sent=False)
        return await link.request(command, body, id=id, ready=min(READY, start - anyio.current_time()))


def _chat(to: Json) -> str:
    """Return the conversation a reply goes to."""
    return str(to.get("chat") or to.get("user") or "")
