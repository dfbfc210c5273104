"""The adapter of a DingTalk robot (钉钉机器人): Stream mode in, webhooks, the robot API and cards out.

Sources are named in the modules beside this one; what they are unsure of are settings of `dingtalk:`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import anyio
import structlog
from anyio.abc import TaskGroup

from mindbot.domain import fields
from mindbot.domain.abilities import Check
from mindbot.domain.delivery import Delivery, Sent
from mindbot.domain.errors import Invalid, Overloaded, StoreError
from mindbot.domain.host import File, Host
from mindbot.domain.message import Json, Message, Part, text_part
from mindbot.domain.ports.platform import Receive, Report
from mindbot.domain.shapes.turns import PersonJson
from mindbot.platforms import split
from mindbot.platforms.credentials import NEEDS_CREDENTIALS, Credentials
from mindbot.platforms.dingtalk import cards, checks, content, say, wire
from mindbot.platforms.dingtalk.buttons import ButtonCards
from mindbot.platforms.dingtalk.client import DingTalkClient
from mindbot.platforms.dingtalk.quotes import shortened
from mindbot.platforms.dingtalk.sender import BY_WEBHOOK, RobotSender
from mindbot.platforms.dingtalk.settings import DingTalkSettings
from mindbot.platforms.dingtalk.stream import Line, Stream
from mindbot.platforms.profiles import Profiles
from mindbot.platforms.self_test import SelfTest

log = structlog.get_logger("mindbot.platforms.dingtalk")

_PROFILE_TTL = 86_400.0  # seconds
_QUOTABLE = 7 * 86_400.0  # seconds that a message of ours is known by its id when somebody quotes it
_RECEIVE = 30.0  # seconds until a message must be on disk
_REMEMBER = 2.0  # seconds to keep what was sent


class DingTalkPlatform:
    """One bot: a `Platform` with Streams, Repeats, TakesBack, Fetches, Greets, Groups, People, Tests,
    Describes."""

    Settings = DingTalkSettings
    name = "dingtalk"
    idempotent = False  # neither webhooks nor the robot API know a request again

    def __init__(
        self, settings: DingTalkSettings, bot: str, host: Host, *, clock: Callable[[], float] = time.time
    ) -> None:
        """Make the adapter; touches neither network nor secrets. ``clock`` tells Unix seconds."""
        self.bot = bot
        self._settings = settings
        self._host = host
        self._clock = clock
        self._client = DingTalkClient(settings, host)
        self._outbound = RobotSender(self._client, settings, host, clock)
        self._cards = cards.AnswerCards(self._client, settings, host.keep, clock)
        self._profiles = Profiles(host.keep, _PROFILE_TTL)
        self._buttons = ButtonCards(self._client, settings, host, bot, clock)
        self._receive: Receive | None = None
        self._report: Report = lambda state, reason: None
        self._stream: Stream | None = None
        self._tasks: TaskGroup | None = None
        self._credentials = Credentials(lambda state, reason: self._report(state, reason), self._tell)
        self._quota_used_up = False

    @classmethod
    def build(cls, settings: DingTalkSettings, bot: str, host: Host) -> DingTalkPlatform:
        """Make the adapter as the runtime does."""
        return cls(settings, bot, host)

    # -- in ----------------------------------------------------------------------------------------------

    async def run(self, receive: Receive, report: Report) -> None:
        """Keep the connections up until cancelled; each run reads the secret anew."""
        self._receive = receive
        self._report = report
        self._client.renew()
        self._credentials.renew()
        s = self._settings
        topics = [wire.MESSAGES, wire.CARDS, *([wire.DELEGATED] if s.delegate else [])]
        self._stream = Stream(
            self._host.http,
            lambda: self._client.open(topics),
            self._frame,
            self._tell,
            connections=s.connections,
            idle=s.idle_timeout,
            ping=s.ping,
            nack=s.nack,
        )
        report("starting", "opening a stream connection")
        async with anyio.create_task_group() as self._tasks:
            await self._stream.run()

    def _tell(self) -> None:
        """Report how the connections, the credentials and the quota are."""
        lines: list[Line] = self._stream.lines if self._stream else []
        down = [line for line in lines if line.state not in ("connected", "connecting")]
        refused = next((line for line in down if line.state == "needs credentials"), None)
        if refused is not None:
            self._report("failed", f"{NEEDS_CREDENTIALS}: {refused.reason}")
        elif down and len(down) == len(lines):
            self._report("degraded", f"not connected: {down[0].reason}")
        elif down:
            self._report("degraded", f"{len(down)} of {len(lines)} connections are down: {down[0].reason}")
        elif self._quota_used_up:
            self._report("degraded", "this month's API calls are used up: messages come without their text")
        else:
            self._report("ok", "")

    async def _frame(self, topic: str, data: Json, raw: str) -> Json | None:
        """Put one frame on disk; returns the ack's data. Raises what `receive` raises."""
        assert self._receive is not None
        if topic == wire.CARDS:
            answer = await self._pressed(data, raw)
            return None if answer is None else {"response": answer}
        message = self._read(data, raw)
        if any("ours" in part.data for part in message.parts):
            message = await self._with_quoted(message)
        with anyio.fail_after(_RECEIVE):
            await self._receive(message)
        if (used_up := message.kind == "event") != self._quota_used_up:
            self._quota_used_up = used_up
            self._tell()
        return {"response": None}

    def _read(self, data: Json, raw: str) -> Message:
        """Return the message of a frame; one that a mistake of ours cannot read is kept as it came.

        Not acknowledged, it would be pushed for ever and never be read. Raises Invalid.
        """
        try:
            return wire.to_message(data, raw, bot=self.bot, received=self._clock())
        except Invalid:
            raise
        except Exception:
            log.exception("a message cannot be read", bot=self.bot, msgid=fields.text(data.get("msgId"))[:64])
            return wire.kept(data, raw, bot=self.bot, received=self._clock())

    async def _with_quoted(self, message: Message) -> Message:
        """Name the delivery that a quote is of, with what it said: a card's quote does not tell."""
        parts = []
        for part in message.parts:
            known = await self._host.keep.get(f"sent:{part.data['ours']}") if "ours" in part.data else None
            if known is not None:
                facts = part.data | {"delivery": known["delivery"]}
                part = replace(part, text=known["text"] or part.text, data=facts)
            parts.append(part)
        return replace(message, parts=tuple(parts))

    def greeting(self, message: Message) -> Sequence[Part]:
        """Say that a message came without its text, which the month's quota decides. See `Greets`."""
        told = message.parts and message.parts[0].data.get("code") == content.QUOTA
        return [text_part(self._settings.quota_notice)] if told and self._settings.quota_notice else []

    async def fetch(self, message: Message, part: Part) -> File | None:
        """Download what a part refers to.

        Source: "Download the file content of the robot receiving message" (open.dingtalk.com/document).
        """
        code = fields.text(part.data.get("code"))
        if not code:
            return None
        body = {"downloadCode": code, "robotCode": self._client.robot_code}
        answer = await self._client.call("POST", "/v1.0/robot/messageFiles/download", body)
        url = fields.text(answer.get("downloadUrl"))
        if not url:
            raise Overloaded("messageFiles/download: the answer holds no downloadUrl")
        return await self._host.media.fetch(url, name=fields.text(part.data.get("name")))

    # -- out ---------------------------------------------------------------------------------------------

    def plan(self, parts: Sequence[Part]) -> list[list[Part]]:
        """Split a reply into messages; see `mindbot.platforms.dingtalk.say`."""
        s = self._settings
        return say.plan(parts, markdown=s.markdown_card, limit=s.message_bytes, most=s.messages_per_reply)

    def address(self, user: str) -> Json:
        """Return what reaches a member by staff id, or several by theirs with commas between."""
        return {"user": user, "group": False, "conversation": "", "webhook": "", "until": 0}

    def address_group(self, chat: str) -> Json:
        """Return what reaches a group by its openConversationId; the robot must be a member."""
        return {"user": "", "group": True, "conversation": chat, "webhook": "", "until": 0}

    def repeatable(self, delivery: Delivery) -> bool:
        """Tell what DingTalk knows again: cards, by their outTrackId and the guid of an update."""
        if delivery.kind == "stream":
            return delivery.notes.said is None and not delivery.notes.interrupted
        return self._buttons.shows(delivery)

    async def send(self, delivery: Delivery) -> Sent:
        """Send one message, or finish a card; raises VendorError."""
        with self._credentials.watched():
            sent = await self._send(delivery)
        await self._remember(delivery, sent)
        return sent

    async def _send(self, delivery: Delivery) -> Sent:
        if delivery.kind == "stream":
            return await self._finish(delivery)
        if self._buttons.makes(delivery):
            return await self._buttons.send(delivery, self._outbound.say)
        return await self._outbound.say(delivery.parts, delivery)

    async def _finish(self, delivery: Delivery) -> Sent:
        """End what is shown growing, or say the whole answer once."""
        if delivery.notes.interrupted:
            await self._cards.interrupted(delivery)
        elif delivery.notes.said is None and (done := await self._cards.finish(delivery, delivery.text)):
            return done
        if delivery.again:  # an attempt that nobody knows the end of may have said it
            delivery.repeat()
        sent = Sent()
        messages = self.plan(delivery.parts)
        if left_out := split.left_out(messages):
            delivery.notes.more["cut"] = left_out
        # A later attempt goes on where this one stops.
        delivery.notes.said = delivery.said
        for n in range(delivery.said, len(messages)):
            sent = await self._outbound.say(messages[n], delivery)
            delivery.notes.said = n + 1
            if len(messages) > 1:
                delivery.notes.query_keys = [*(delivery.notes.query_keys or ()), sent.id]
        return Sent(sent.id, {**sent.notes, "plain": True})

    async def _remember(self, delivery: Delivery, sent: Sent) -> None:
        """Keep what was sent under the id that a quote of it names; webhooks return none.

        It is sent: neither a store that fails or stalls nor the attempt's deadline may have it sent again.
        """
        id = str(sent.notes.get("carrier") or "")
        if not id and not sent.notes.get("card") and not sent.id.startswith(BY_WEBHOOK):
            id = sent.id
        if not id:
            return
        fact = {"delivery": delivery.id, "text": shortened(delivery.text)}
        error = ""
        try:
            with anyio.move_on_after(_REMEMBER, shield=True) as patience:
                await self._host.keep.put(f"sent:{id}", fact, ttl=_QUOTABLE)
            if patience.cancelled_caught:
                error = f"the store took more than {_REMEMBER:g}s"
        except StoreError as failure:
            error = str(failure)
        if error:
            log.warning("a quote of this message will not be recognised", id=id, error=error)

    async def take_back(self, delivery: Delivery) -> None:
        """Take back what the robot API sent, within a day; see `TakesBack`."""
        with self._credentials.watched():
            await self._outbound.take_back(delivery)

    # -- cards -------------------------------------------------------------------------------------------

    def can_stream(self, message: Message) -> bool:
        """Tell whether the answer can grow on a card."""
        return self._settings.enable_stream_reply and cards.can_show(message.reply_to)

    @property
    def pace(self) -> float:
        """Seconds to the next update of a card."""
        return self._cards.pace

    async def stream(self, delivery: Delivery, text: str) -> None:
        """Show the answer so far; raises VendorError."""
        await self._cards.show(delivery, text)

    async def _pressed(self, data: Json, raw: str) -> Json | None:
        """Take the press of a button; returns what the card shows then, None for no ack."""
        track, press = wire.action_of(data)
        if turn := cards.turn_of(track):
            if self._settings.card_stop in (press["action"], press["params"].get("action")):
                await self._host.stop(turn)
            return {}
        assert self._tasks is not None
        return await self._buttons.pressed(track, press, raw, self._tasks)

    # -- for operators -----------------------------------------------------------------------------------

    async def user(self, id: str) -> PersonJson:
        """Return name, title and departments of a member, kept for a day; raises VendorError.

        Source: "Query user details" (open.dingtalk.com/document/development/query-user-details).
        """
        if id.startswith("$:"):  # the id of an outsider, which no API takes
            return {}

        async def ask() -> PersonJson:
            answer = await self._client.call_old("/topapi/v2/user/get", {"userid": id})
            found = fields.mapping(answer.get("result"))
            return {
                "name": fields.text(found.get("name")),
                "title": fields.text(found.get("title")),
                "departments": fields.texts(found.get("dept_id_list")),
            }

        return await self._profiles.find(f"user:{id}", ask)

    def details(self) -> Json:
        """Return the connections and counters."""
        stream = self._stream
        if stream is None:
            return {}
        lines = [
            {"state": line.state, "reason": line.reason, "since": line.since, "opened": line.opened}
            for line in stream.lines
        ]
        counters: Json = {
            name: getattr(stream, name) for name in ("received", "acked", "left", "unread", "swaps", "lost")
        }
        return {"connections": lines, "cards": self._cards.open, **counters}

    async def test(self) -> list[Check]:
        """Make real calls that nobody sees; see `mindbot.platforms.dingtalk.checks`."""
        self_test = SelfTest(f"{self.name}/{self.bot}", self._client.api)
        cards = self._settings.enable_stream_reply
        found, proved = await checks.run(self_test, self._client, self._stream, cards=cards)
        if proved:
            self._credentials.accepted()
        return found
