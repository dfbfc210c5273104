"""The adapter of a DingTalk robot (钉钉机器人): Stream mode in, webhooks, the robot API and cards out.

Sources are named in the modules beside this one; what they are unsure of are settings of `dingtalk:`.
"""

from __future__ import annotations

import random
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import anyio
import structlog
from anyio import to_thread

from mindbot.domain.abilities import Check
from mindbot.domain.delivery import Delivery, Sent
from mindbot.domain.errors import Invalid, MindBotError, RateLimited, Rejected
from mindbot.domain.host import File, Host
from mindbot.domain.message import Json, Message, Part
from mindbot.domain.ports import Receive, Report
from mindbot.platforms.credentials import NEEDS_CREDENTIALS, Credentials
from mindbot.platforms.dingtalk import cards, errors, say, wire
from mindbot.platforms.dingtalk.buttons import Buttons
from mindbot.platforms.dingtalk.client import Client
from mindbot.platforms.dingtalk.stream import Line, Stream

if TYPE_CHECKING:
    from mindbot.config.vendors import DingTalkSettings

log = structlog.get_logger("mindbot.platforms.dingtalk")

_EARLY = 300.0  # seconds before its end a session webhook is left alone
_DEAD = 5000  # session webhooks remembered as gone
_MAX_FILE = 20 << 20  # bytes
_PROFILE_TTL = 86_400.0  # seconds
_RECEIVE = 30.0  # seconds until a message must be on disk
#: One grey pixel, for videos without a picture of their own: the API asks for one.
_COVER = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010800000000"
    "3a7e9b550000000a4944415478da636800000082008177cd72b60000000049454e44ae426082"
)


class DingTalkPlatform:
    """One bot: a `Platform` with the abilities Streams, Fetches, Groups, Tests and Describes."""

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
        self._client = Client(settings, host)
        self._cards = cards.AnswerCards(self._client, settings)
        self._buttons = Buttons(self._client, settings, host, bot, clock)
        self._receive: Receive | None = None
        self._report: Report = lambda state, reason: None
        self._stream: Stream | None = None
        self._gone: OrderedDict[str, None] = OrderedDict()  # session webhooks that ended early
        self._credentials = Credentials(lambda state, reason: self._report(state, reason), self._tell)

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
        self._stream = Stream(
            lambda: self._client.open([wire.MESSAGES, wire.CARDS]),
            self._frame,
            self._tell,
            connections=s.connections,
            idle=s.idle_timeout,
            ping=s.ping,
        )
        report("starting", "opening a stream connection")
        await self._stream.run()

    def _tell(self) -> None:
        """Report how the connections are."""
        lines: list[Line] = self._stream.lines if self._stream else []
        down = [line for line in lines if line.state not in ("connected", "connecting")]
        if not down:
            self._report("ok", "")
        elif any(line.state == "needs credentials" for line in down):
            self._report("failed", f"{NEEDS_CREDENTIALS}: {down[0].reason}")
        elif len(down) < len(lines):
            self._report("degraded", f"{len(down)} of {len(lines)} connections are down: {down[0].reason}")
        else:
            self._report("degraded", f"not connected: {down[0].reason}")

    async def _frame(self, topic: str, data: Json, raw: str) -> Json | None:
        """Put one frame on disk; returns the ack's data. Raises what `receive` raises."""
        assert self._receive is not None
        if topic == wire.CARDS:
            return {"response": await self._pressed(data, raw)}
        message = wire.to_message(data, raw, bot=self.bot, received=self._clock())
        with anyio.fail_after(_RECEIVE):
            await self._receive(message)
        return {"response": None}

    async def fetch(self, message: Message, part: Part) -> File | None:
        """Download what a part refers to.

        Source: "Download the file content of the robot receiving message" (open.dingtalk.com/document).
        """
        code = str(part.data.get("code") or "")
        if not code:
            return None
        body = {"downloadCode": code, "robotCode": self._client.robot_code}
        answer = await self._client.call("POST", "/v1.0/robot/messageFiles/download", body)
        name = str(part.data.get("name") or "")
        return await self._host.media.fetch(str(answer.get("downloadUrl") or ""), name=name)

    # -- out ---------------------------------------------------------------------------------------------

    def plan(self, parts: Sequence[Part]) -> list[list[Part]]:
        """Split a reply into messages; see `mindbot.platforms.dingtalk.say`."""
        return say.plan(parts, markdown=self._settings.markdown_card)

    def address(self, user: str) -> Json:
        """Return what reaches a member by staff id."""
        return {"user": user, "group": False, "conversation": "", "webhook": "", "until": 0}

    def address_group(self, chat: str) -> Json:
        """Return what reaches a group by its openConversationId; the robot must be a member."""
        return {"user": "", "group": True, "conversation": chat, "webhook": "", "until": 0}

    async def send(self, delivery: Delivery) -> Sent:
        """Send one message, or finish a card; raises VendorError."""
        with self._credentials.watched():
            return await self._send(delivery)

    async def _send(self, delivery: Delivery) -> Sent:
        if delivery.kind == "stream":
            return await self._finish(delivery)
        if len(delivery.parts) == 1 and delivery.parts[0].kind == "card":
            return await self._buttons.send(delivery, self._say)
        return await self._say(delivery.parts, delivery)

    async def _finish(self, delivery: Delivery) -> Sent:
        """End what is shown growing, or say the whole answer once."""
        if delivery.notes.get("interrupted"):
            await self._cards.interrupted(delivery)
        elif await self._cards.finish(delivery, delivery.text):
            return Sent(cards.track_of(delivery), {"card": cards.track_of(delivery)})
        sent = Sent()
        messages = self.plan(delivery.parts)
        # A later attempt goes on where this one stops.
        for n in range(int(delivery.notes.get("said", 0)), len(messages)):
            sent = await self._say(messages[n], delivery)
            delivery.notes["said"] = n + 1
        return Sent(sent.id, {**sent.notes, "plain": True})

    async def _say(self, parts: Sequence[Part], delivery: Delivery) -> Sent:
        """Say one planned message by the session webhook, or where that cannot be by the robot API."""
        to = delivery.to
        if self._settings.at_sender and to.get("group") and to.get("user") and delivery.n == 0:
            parts = [Part("mention", "", {"user": to["user"]}), *parts]
        body = say.by_webhook(parts, self._settings.robot_name)
        if body is not None and (url := self._webhook(to)):
            try:
                await self._client.webhook(url, body)
                return Sent(f"session-{delivery.id}", _degraded(parts))
            except Rejected as error:
                if error.code != errors.SESSION_GONE:
                    raise
                self._gone[url] = None
                while len(self._gone) > _DEAD:
                    self._gone.popitem(last=False)
        parts = [await self._uploaded(part) for part in parts]
        key, param = say.by_api(parts, self._settings.robot_name)
        return Sent(await self._send_by_api(key, param, to), _degraded(parts))

    def _webhook(self, to: Json) -> str:
        url = str(to.get("webhook") or "")
        alive = url not in self._gone and float(to.get("until") or 0) - _EARLY > self._clock()
        return url if alive else ""

    async def _send_by_api(self, key: str, param: Json, to: Json) -> str:
        """Send by the robot API; returns the processQueryKey."""
        body: Json = {"robotCode": self._client.robot_code, "msgKey": key, "msgParam": say.param_text(param)}
        if to.get("group"):
            body["openConversationId"] = to["conversation"]
            answer = await self._client.call("POST", "/v1.0/robot/groupMessages/send", body)
        elif to.get("user"):
            body["userIds"] = [to["user"]]
            answer = await self._client.call("POST", "/v1.0/robot/oToMessages/batchSend", body)
            if answer.get("flowControlledStaffIdList"):
                what = "oToMessages/batchSend: this user gets too many messages"
                raise RateLimited(what, retry_after=5.0, scope="session")
            if answer.get("invalidStaffIdList"):
                raise Rejected(f"oToMessages/batchSend: no user {to['user']}", code="staffId.notExisted")
        else:
            hint = "outsiders can be answered for about ninety minutes after they wrote"
            raise Rejected("no way to reach this user any more", hint=hint, code=errors.SESSION_GONE)
        return str(answer.get("processQueryKey") or "")

    async def _uploaded(self, part: Part) -> Part:
        """Return a part whose file is on the platform."""
        if part.kind not in say.FILES or "media_id" in part.data or not part.data.get("media"):
            return part
        path = await self._host.media.path(str(part.data["media"]))
        size = (await to_thread.run_sync(path.stat)).st_size
        if size > _MAX_FILE:
            raise Invalid(f"{size / 1e6:.0f} MB is too large for DingTalk", hint="20 MB at most")
        content = await to_thread.run_sync(path.read_bytes)
        name = str(part.data.get("name") or path.name)
        ids = {"media_id": await self._client.upload(part.kind, name, content)}
        if part.kind == "video":
            ids["cover_id"] = await self._client.upload("image", "cover.png", _COVER)
        return say.uploaded(part, name=name, **ids)

    async def recall(self, id: str, to: Json) -> None:
        """Take back what the robot API sent (`Sent.id`), within a day; raises VendorError."""
        body: Json = {"robotCode": self._client.robot_code, "processQueryKeys": [id]}
        path = "/v1.0/robot/otoMessages/batchRecall"
        if to.get("group"):
            path, body["openConversationId"] = "/v1.0/robot/groupMessages/recall", to["conversation"]
        answer = await self._client.call("POST", path, body)
        if why := (answer.get("failedResult") or {}).get(id):
            raise Rejected(f"not recalled: {why}", code=str(why))

    # -- cards -------------------------------------------------------------------------------------------

    def can_stream(self, message: Message) -> bool:
        """Tell whether the answer can grow on a card."""
        return self._settings.enable_stream_reply and cards.can_show(message.reply_to)

    @property
    def pace(self) -> float:
        """Seconds to the next update; never quite the same, so that cards begun together spread out."""
        return self._settings.card_pace * random.uniform(0.7, 1.3)

    async def stream(self, delivery: Delivery, text: str) -> None:
        """Show the answer so far; raises VendorError."""
        await self._cards.show(delivery, text)

    async def _pressed(self, data: Json, raw: str) -> Json:
        """Take the press of a button; returns what the card shows then."""
        track, user, action, params = wire.action_of(data)
        if turn := cards.turn_of(track):
            if self._settings.card_stop in (action, params.get("action")):
                await self._host.stop(turn)
            return {}
        return await self._buttons.pressed(track, {"user": user, "action": action, "params": params}, raw)

    # -- for operators -----------------------------------------------------------------------------------

    async def user(self, id: str) -> Json:
        """Return name, title and departments of a member, kept for a day; raises VendorError.

        Source: "Query user details" (open.dingtalk.com/document/development/query-user-details).
        """
        if id.startswith("$:"):  # the id of an outsider, which no API takes
            return {}
        key = f"user:{id}"
        known = await self._host.keep.get(key)
        if known is None:
            answer = await self._client.call_old("/topapi/v2/user/get", {"userid": id})
            found = answer.get("result") or {}
            known = {"name": found.get("name", ""), "title": found.get("title", "")}
            known["departments"] = [str(each) for each in found.get("dept_id_list") or ()]
            await self._host.keep.put(key, known, ttl=_PROFILE_TTL)
        return known

    def details(self) -> Json:
        """Return the connections and counters."""
        stream = self._stream
        if stream is None:
            return {}
        lines = [
            {"state": line.state, "reason": line.reason, "since": line.since, "opened": line.opened}
            for line in stream.lines
        ]
        counters: Json = {name: getattr(stream, name) for name in ("received", "acked", "swaps", "lost")}
        return {"connections": lines, "cards": self._cards.open, **counters}

    async def test(self) -> list[Check]:
        """Ask for a token and a ticket, and look at the connections."""
        found: list[Check] = []
        try:
            await self._client.token()
            found.append(Check("access token", "ok"))
        except MindBotError as error:
            mend = error.hint or "client_id and client_secret of this bot"
            found.append(Check("access token", "failed", error.message, mend))
        try:
            await self._client.open([wire.MESSAGES])
            found.append(Check("stream gateway", "ok"))
        except MindBotError as error:
            mend = error.hint or "is Stream mode chosen for the robot in the developer console?"
            found.append(Check("stream gateway", "failed", error.message, mend))
        lines = self._stream.lines if self._stream else []
        up = sum(line.state == "connected" for line in lines)
        detail = f"{up} of {len(lines)} connections are up"
        mend = "" if up == len(lines) else "see the bot's reason; `mindbot platform restart` begins anew"
        found.append(Check("connections", "ok" if lines and up == len(lines) else "failed", detail, mend))
        return found


def _degraded(parts: Sequence[Part]) -> Json:
    was = [part.data["was"] for part in parts if "was" in part.data]
    return {"sent_as_text": was} if was else {}
