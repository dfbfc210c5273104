"""Webhook mode: WeCom calls, and then polls for the answer; the answer is served from where it stands.

Sources: WeCom developer centre, "Receiving messages" (path/100719), "Passive reply" (path/101031) and "Active
reply" (path/101138) of AI bots. A callback opens a stream; polls of it come about once a second, until one is
told that it is finished or six minutes have passed. After that, or for what does not fit, there is one call
of the message's ``response_url``, within an hour.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

import anyio
import structlog

from mindbot.api.shown import ago
from mindbot.domain import ids
from mindbot.domain.abilities import Check
from mindbot.domain.delivery import Delivery, Sent
from mindbot.domain.errors import ConfigError, Invalid, MindBotError, Rejected, SecretError, StoreError
from mindbot.domain.host import Host
from mindbot.domain.message import Json, Part
from mindbot.domain.ports.platform import Receive, Report, WebhookRequest, WebhookResponse
from mindbot.platforms.clocks import timer_of
from mindbot.platforms.wecom_shared.endpoint import MAX_BODY
from mindbot.platforms.wecom_shared.refusals import Malformed
from mindbot.platforms.wecombot import say, wire
from mindbot.platforms.wecombot.answer_url import AnswerUrl
from mindbot.platforms.wecombot.bot import WeComBot
from mindbot.platforms.wecombot.callbacks import BotCallbacks
from mindbot.platforms.wecombot.frames import Frames
from mindbot.platforms.wecombot.polled import PolledAnswer, PolledAnswers

if TYPE_CHECKING:
    from mindbot.platforms.wecombot.settings import WeComBotSettings

log = structlog.get_logger("mindbot.platforms.wecombot")

#: Answers of one user that are shown growing at once. WeCom passes no message of a user on while three have
#: not ended, so the third ends at once and comes by its response_url: what a user writes is stored at once.
_AT_ONCE = 2
_ENDED = frozenset({"sent", "dead", "discarded"})  # deliveries of which nothing is still to come
_MARGIN = 5.0  # seconds before the end of its life that a growing answer is closed


class WebhookBot(WeComBot):
    """One bot: `Platform`, `Webhook`, and the abilities Streams, EndsWhole, Fetches, Tests and Describes."""

    #: The same stream is shown once, and WeCom takes a response_url once.
    idempotent = True
    ends_whole: Literal[True] = True
    pace = 0.2  # seconds; polls decide when something is seen
    max_body = MAX_BODY

    def __init__(
        self,
        settings: WeComBotSettings,
        bot: str,
        host: Host,
        *,
        clock: Callable[[], float] = time.time,
        ack_within: float = 4.5,
    ) -> None:
        """See `WeComBot`. What is not stored within ``ack_within`` seconds gets no ack."""
        super().__init__(settings, bot, host, clock=clock)
        self.host = settings.host
        self.port = settings.port
        self._callbacks = BotCallbacks(
            settings, bot, host.secrets, clock, lambda why: self._say("failed", why), ack_within=ack_within
        )
        self._timer = timer_of(clock)
        self._frames = Frames(host, self._card)
        self._url = AnswerUrl(host, clock)
        self._streams = PolledAnswers.of(host.shared, bot)
        self._counts: Counter[str] = Counter()
        self._called = 0.0
        self._state = ""

    async def run(self, receive: Receive, report: Report) -> None:
        """Read the secrets, report, and wait until cancelled: messages come in by `callback`."""
        self._report = report
        self._callbacks.renew()
        report("starting", "reading the callback's secrets")
        try:
            await self._callbacks.prepare()
        except (SecretError, ConfigError) as error:
            self._say("failed", f"needs credentials: {error}")
        else:
            self._say("ok", "")
        await anyio.sleep_forever()

    def _say(self, state: str, reason: str) -> None:
        self._state = state
        self._report(state, reason)

    # -- in ----------------------------------------------------------------------------------------------

    async def callback(self, request: WebhookRequest, receive: Receive) -> WebhookResponse:
        """Answer a URL verification, a message, an event or a poll."""

        async def take(body: Json, raw: str) -> Json | None:
            self._called = self._clock()
            kind = body.get("msgtype")
            if kind == wire.POLL:
                self._counts["polls"] += 1
                return self._counted(body, await self._polled(wire.polled(body)))
            self._counts["callbacks"] += 1
            try:
                if kind == wire.EVENT:
                    return await self._event(body, raw, receive)
                message, receipt = await self._take(body, raw, receive, stream=True)
            except Invalid as error:
                raise Malformed(str(error)) from error
            turn = ids.show(receipt.turn)
            if receipt.duplicate:
                again = await self._polled(say.stream_id(turn))
                if self._settings.feedback:  # what was answered before did not arrive
                    again["stream"]["feedback"] = {"id": turn}
                return self._counted(body, again)
            shown = self._streams.open(turn, self._timer())
            shown.has_url = bool(message.reply_to["response_url"])
            shown.session = message.session
            crowded = self._streams.unfinished(wire.user_of(body), self._timer()) >= _AT_ONCE
            if (crowded or await self._owes(shown)) and shown.has_url and not shown.way:
                self._counts["without_stream"] += 1
                return self._by_url_later(shown)
            return self._counted(body, self._growing(shown, first=True))

        return await self._callbacks.answer(request, take)

    def _counted(self, body: Json, answer: Json) -> Json:
        """Keep count of the answers that have not ended for the user who is told this."""
        user, stream = wire.user_of(body), answer["stream"]
        if stream["finish"]:
            self._streams.ended(user, say.turn_of(stream["id"]))
        else:
            until = self._timer() + self._settings.stream_lifetime
            self._streams.goes_on(user, say.turn_of(stream["id"]), until)
        return answer

    async def _event(self, body: Json, raw: str, receive: Receive) -> Json | None:
        kind = wire.event_of(body)["eventtype"]
        if kind == "template_card_event":
            card = await self._press(body, raw, receive)
            if card is None:
                return None
            update = {"response_type": "update_template_card", "userids": [wire.user_of(body)]}
            return update | {"template_card": card}
        await self._take(body, raw, receive)
        if kind == "enter_chat" and (text := self._settings.welcome_message):
            return {"msgtype": "text", "text": {"content": text}}
        return None

    async def _polled(self, stream: str) -> Json:
        """Answer a poll with how far the answer is. Of what nothing is known, nothing more will come."""
        turn = say.turn_of(stream)
        if not turn:
            return {"msgtype": "stream", "stream": {"id": stream, "finish": True, "content": ""}}
        shown = self._streams.open(turn, self._timer())
        shown.polled = self._timer()
        if shown.final is None and shown.way != "url":
            await self._look(shown)
        if shown.way == "url" or shown.nothing:
            return say.stream(turn, shown.closing, finish=True)
        if shown.final is None:
            return self._late(shown) or self._growing(shown)
        return await self._collected(shown, shown.final)

    async def _look(self, shown: PolledAnswer) -> None:
        """See in the store whether the turn has ended: its reply may not have come to `send` yet, or have
        been sent by an earlier process.

        A reply that would overtake an earlier one of its session is not shown before its stream has to end.
        """
        try:
            answer = await self._host.answer(shown.turn)
        except StoreError as error:
            log.warning("a poll waits for the store", bot=self.bot, turn=shown.turn, error=str(error))
            return
        if shown.final is not None or (answer is not None and not answer.done):
            return
        if answer is not None and answer.overtakes and not self._old(shown):
            return
        said = next((d for d in answer.deliveries if d.n == 0), None) if answer else None
        if said is None:
            shown.nothing, shown.closing = True, say.so_far(shown.text, "")  # a notice stays
        elif await self._url.used(shown.turn) == 0:
            shown.way = "url"
        else:
            shown.final = said

    def _growing(self, shown: PolledAnswer, *, first: bool = False) -> Json:
        text = say.so_far(shown.text, self._settings.placeholder)
        return say.stream(shown.turn, text, finish=False, feedback=first and self._settings.feedback)

    def _old(self, shown: PolledAnswer) -> bool:
        return self._timer() - shown.opened >= self._settings.stream_lifetime - _MARGIN

    def _late(self, shown: PolledAnswer) -> Json | None:
        """Close an answer that has grown for as long as it may, where the rest can come another way."""
        if not self._old(shown) or not shown.has_url:
            return None
        return self._by_url_later(shown)

    async def _owes(self, shown: PolledAnswer) -> bool:
        """Tell whether an earlier answer of the session is still to come past its stream.

        It is a message of its own, and would stand below a stream that is opened now: then this one's answer
        comes the same way, behind it. Answers of a session end in order, so the newest owed one says it all.
        """
        if not (turn := self._streams.owed(shown.session)):
            return False
        try:
            answer = await self._host.answer(turn)
        except StoreError:
            return True
        if answer is not None and (not answer.done or any(d.state not in _ENDED for d in answer.deliveries)):
            return True
        self._streams.paid(shown.session, turn)
        return False

    def _by_url_later(self, shown: PolledAnswer) -> Json:
        """End a stream before its answer is there, which comes by the response_url."""
        shown.way, shown.closing = "url", say.LATE
        self._streams.owe(shown.session, shown.turn)
        return say.stream(shown.turn, say.LATE, finish=True)

    async def _collected(self, shown: PolledAnswer, final: Delivery) -> Json:
        """Hand the whole answer to a poll. That it goes this way is on disk before it goes."""
        shown.way = "poll"
        shown.taking += 1
        try:
            frame, notes = await self._frames.last(shown.turn, final)
            if not shown.collected.is_set():
                await self._host.keep.put(f"stream:{shown.turn}", {"taken": final.created}, ttl=7200.0)
        except MindBotError as error:
            log.warning("a poll waits", bot=self.bot, turn=shown.turn, error=str(error))
            return self._growing(shown)
        else:
            shown.notes, shown.taken = notes, final.created
            shown.collected.set()
        finally:  # also of a poll that took too long and is answered by nobody: another way is free again
            shown.taking -= 1
            if not shown.taking and not shown.collected.is_set():
                shown.way = ""
        self._counts["collected"] += 1
        return frame

    # -- out ---------------------------------------------------------------------------------------------

    def plan(self, parts: Sequence[Part]) -> list[list[Part]]:
        """Put a reply into one message, or two; see `mindbot.platforms.wecombot.say.plan_stream`."""
        return say.plan_stream(parts)

    def address(self, user: str) -> Json:
        """Return where something for a user would go. In this mode nothing but answers can be said."""
        return {"user": user, "chat": "", "asked": 0, "response_url": "", "stream": False}

    async def stream(self, delivery: Delivery, text: str) -> None:
        """Keep the answer so far for the next poll."""
        shown = self._streams.open(ids.show(delivery.turn), self._timer())
        shown.text, shown.has_url = text, bool(delivery.to.get("response_url"))

    async def send(self, delivery: Delivery) -> Sent:
        """Say the answer in its stream, or where nobody polls that any more, by the response_url.

        Raises:
            VendorError: Rejected when neither is possible.
        """
        turn = ids.show(delivery.turn)
        remarks = say.remarks(delivery.parts)
        if not delivery.to.get("stream"):
            return await self._by_url(delivery, remarks)
        if delivery.n < 0:  # a notice that it takes longer: shown until the answer's first words
            self._streams.open(turn, self._timer()).text = delivery.text
            return Sent(say.stream_id(turn), {"way": "stream"})
        if delivery.n > 0:
            return await self._by_url(delivery, remarks)
        shown = self._streams.open(turn, self._timer())
        if delivery.again or delivery.attempts > 1:
            await self._remember(shown)
        if not shown.way:
            shown.final, shown.has_url = delivery, bool(delivery.to.get("response_url"))
        # A turn that is run again for an operator has another answer than the one its stream ended with.
        while shown.way != "url" and shown.taken in (None, delivery.created):
            if await self._collect(shown, delivery):
                return Sent(say.stream_id(turn), {**remarks, **shown.notes, "way": "stream"})
            await self._remember(shown)  # polls take answers that nobody has begun to send, too
            if not shown.way:
                break
        shown.way = "url"
        self._streams.owe(shown.session, turn)
        return await self._by_url(delivery, remarks)

    async def _remember(self, shown: PolledAnswer) -> None:
        """Learn from the disk which way this answer went, if it did. Raises StoreError."""
        if shown.way:
            return
        kept = await self._host.keep.get(f"stream:{shown.turn}")
        used = await self._url.used(shown.turn)
        if shown.way:  # a poll took it meanwhile
            return
        if kept is not None:  # had it not arrived, it would be polled for again, and is served then
            shown.way, shown.taken = "poll", float(kept["taken"])
            shown.collected.set()
        elif used == 0:
            shown.way = "url"

    async def _collect(self, shown: PolledAnswer, delivery: Delivery) -> bool:
        """Wait until a poll has taken the answer; False when none comes any more."""
        asked = float(delivery.to.get("asked") or 0)
        began = self._timer()
        over = not shown.polled and self._clock() - asked > self._settings.stream_lifetime
        while not shown.collected.is_set():
            left = max(began, shown.polled) + self._settings.poll_timeout - self._timer()
            if (over or left <= 0) and shown.way != "poll":
                return False
            with anyio.move_on_after(max(left, 0.05)):
                await shown.collected.wait()
        return True

    async def _by_url(self, delivery: Delivery, remarks: Json) -> Sent:
        """Say a message by the response_url, which takes one: the first tells what the second cannot say."""
        others = await self._others(delivery)
        if delivery.n > 0 and await self._url.used(ids.show(delivery.turn)) == 0:
            first = next((d for d in others if d.n == 0), None)
            if first is not None and first.state not in ("dead", "discarded"):
                told = {"left_out": "its text; the first message tells how much"}
                return Sent(f"url-{first.id}", {**remarks, **told, "way": "response_url"})
        beyond = sum(say.length(d.parts) for d in others if d.n > delivery.n)
        card = next((part for part in delivery.parts if say.is_card(part)), None)
        text = say.text_of(delivery.parts)
        pictures = sum(part.kind == "image" for part in delivery.parts)
        if card is not None and not text and not delivery.to.get("chat"):  # cards in groups are refused
            body: Json = {"msgtype": "template_card", "template_card": await self._card(card, delivery)}
        else:
            more = [say.choices(card)] if card is not None else []
            more += ["[image]"] * pictures
            content, left_out = say.whole("\n".join(filter(None, [text, *more])), beyond)
            body = {"msgtype": "markdown", "markdown": {"content": content}}
            if left_out:
                remarks = remarks | {"cut": left_out}
            if pictures:
                remarks = remarks | {"left_out": f"{pictures} pictures"}
        id = await self._url.post(delivery, body)
        self._counts["by_response_url"] += 1
        return Sent(id, {**remarks, "way": "response_url"})

    async def _others(self, delivery: Delivery) -> list[Delivery]:
        """Return the other messages of a delivery's answer; raises StoreError."""
        answer = await self._host.answer(ids.show(delivery.turn))
        return [d for d in answer.deliveries if d.n not in (delivery.n, -1)] if answer is not None else []

    # -- for operators -----------------------------------------------------------------------------------

    async def _file_key(self) -> str:
        key = self._settings.encoding_aes_key
        if key is None:
            raise Rejected("there is no EncodingAESKey to decrypt the file with")
        return await self._host.secrets.aget(key)

    def details(self) -> Json:
        """Return what came in and how answers went out."""
        return {
            "mode": "webhook",
            "streams": self._streams.growing,
            "last_call": self._called,
            **self._counts,
            **self._callbacks.health.details(),
        }

    async def test(self) -> list[Check]:
        """Read the secrets, encrypt and decrypt with them, and look whether WeCom ever called."""
        came = f"the last came {ago(self._clock() - self._called)} ago" if self._called else ""
        mend = "enter the callback URL in the bot's API settings, or write to the bot"
        calls = self._callbacks.health.check(came, "none came yet", mend)
        secrets = await self._test_secrets()
        if secrets.state == "ok" and self._state == "failed":
            self._say("ok", "")
        return [secrets, calls]

    async def _test_secrets(self) -> Check:
        try:
            crypto = await self._callbacks.prepare()
            intact = crypto.decrypt(crypto.encrypt(b"round trip")) == b"round trip"
        except MindBotError as error:
            return Check(
                "callback secrets", "failed", error.message, error.hint or "token and EncodingAESKey"
            )
        if not intact:
            return Check("callback secrets", "failed", "what is encrypted cannot be read", "EncodingAESKey")
        return Check("callback secrets", "ok")
