"""Long-connection mode: callbacks come over a WebSocket, answers are pushed over it as they grow.

Source: WeCom developer centre, "AI bot long connection" (path/101463). Callbacks have no ack on this wire:
what is not on disk is tried again here. A reply names the callback's request id, for 24 hours; without one
the bot can write to those who wrote to it before.
"""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import structlog
from anyio.abc import TaskGroup

from mindbot.domain.abilities import Check
from mindbot.domain.delivery import Delivery, Sent
from mindbot.domain.errors import (
    AuthFailed,
    Invalid,
    NetworkFailed,
    SecretError,
    StoreError,
    VendorError,
)
from mindbot.domain.host import Host
from mindbot.domain.message import Json, Message, Part
from mindbot.domain.ports.platform import Receipt, Receive, Report
from mindbot.platforms.self_test import SelfTest, mend_for
from mindbot.platforms.wecombot import say, wire
from mindbot.platforms.wecombot.backlog import Backlog, Callback
from mindbot.platforms.wecombot.bot import WeComBot
from mindbot.platforms.wecombot.link import Link
from mindbot.platforms.wecombot.sender import ConnectionSender

if TYPE_CHECKING:
    from mindbot.platforms.wecombot.settings import WeComBotSettings

log = structlog.get_logger("mindbot.platforms.wecombot")

_LONGEST_RETRY = 5.0
_REFUSALS = 8  # of one callback by a store that takes others, until it is stored without its payload
_CONNECTS = 5.0  # seconds for a connection with mended credentials

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
        self._http = host.http
        self._link: Link | None = None
        self._backlog = Backlog.of(host.shared, bot)
        self._tasks: TaskGroup | None = None
        self._receive: Receive | None = None
        self._speaker = ConnectionSender(settings, host, clock, lambda: self._link, self._card)

    # -- in ----------------------------------------------------------------------------------------------

    async def run(self, receive: Receive, report: Report) -> None:
        """Keep the connection up until cancelled; each run reads the secret anew."""
        self._receive, self._report = receive, report
        s = self._settings
        link = self._link = Link(
            self._http,
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
        try:
            async with anyio.create_task_group() as tasks:
                self._tasks = tasks
                tasks.start_soon(self._backlog.work, self._keep)
                await link.run()
        finally:
            if left := self._backlog.waiting:
                why = "the next run goes on with them; when the process ends they are lost"
                log.error("callbacks are not stored", bot=self.bot, count=left, error=why)

    async def _credentials(self) -> tuple[str, str]:
        secret = self._settings.secret
        try:
            if secret is None:
                raise SecretError("there is none", hint="set `secret`, or mode: webhook")
            return self._settings.bot_id, await self._host.secrets.aget(secret)
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
        """Take a callback over; returns when the next can be read."""
        await self._backlog.add(Callback(command, id, body, raw))

    async def _keep(self, callback: Callback) -> None:
        """Put a callback on disk, however long that takes; answer those events that can be answered."""
        command, id, body, raw = callback.command, callback.id, callback.body, callback.raw
        kind = wire.event_of(body)["eventtype"] if command == "aibot_event_callback" else ""
        try:
            if kind == "template_card_event":
                card = await self._stored(lambda receive: self._press(body, raw, receive, req_id=id))
                if card is not None:
                    update = {"response_type": "update_template_card", "userids": [wire.user_of(body)]}
                    self._answer("aibot_respond_update_msg", id, update | {"template_card": card})
                return
            address: dict[str, Any] = {} if kind else {"req_id": id, "stream": True}
            _, receipt = await self._stored(lambda r: self._take(body, raw, r, **address))
        except Invalid as error:
            assert self._link is not None
            self._link.counts["unread"] += 1
            log.warning("callback not understood", bot=self.bot, error=str(error), **wire.facts_of(body, raw))
            return
        except StoreError as error:
            assert self._link is not None
            self._link.counts["lost"] += 1
            log.error("callback lost", bot=self.bot, error=str(error), **wire.facts_of(body, raw))
            return
        if kind == "enter_chat" and self._settings.welcome_message and not receipt.duplicate:
            text = {"msgtype": "text", "text": {"content": self._settings.welcome_message}}
            self._answer("aibot_respond_welcome_msg", id, text)

    async def _stored(self, step: Callable[[Receive], Awaitable[T]]) -> T:
        """Repeat a step until the store takes it: this wire would not send it again.

        What a store that is well refuses again and again is stored without its payload.

        Raises:
            StoreError: the store is well, and does not take even that.
        """
        assert self._receive is not None
        receive = self._receive
        delay, refused = min(0.1, self._backoff), 0
        while True:
            try:
                return await step(receive)
            except StoreError as error:
                log.error("callback not stored, trying again", bot=self.bot, error=str(error))
                refused = refused + 1 if await self._store_is_well() else 0
                if refused >= 2 * _REFUSALS:
                    raise
                if refused == _REFUSALS:
                    receive = self._receive_bare
            await anyio.sleep(delay)
            delay = min(_LONGEST_RETRY, delay * 2)

    async def _receive_bare(self, message: Message) -> Receipt:
        assert self._receive is not None
        return await self._receive(wire.bare(message))

    async def _store_is_well(self) -> bool:
        """Tell whether the store takes anything at all."""
        try:
            await self._host.keep.put("well", {"at": self._clock()}, ttl=60.0)
        except StoreError:
            return False
        return True

    def _answer(self, command: str, id: str, body: Json) -> None:
        """Answer an event meanwhile: what comes after it in its chat does not wait for WeCom."""
        assert self._tasks is not None
        self._tasks.start_soon(self._answer_event, command, id, body)

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
        return say.plan_messages(parts, self._settings.messages_per_reply)

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
        await self._speaker.stream(delivery, text)

    async def send(self, delivery: Delivery) -> Sent:
        """End a stream, answer a message, or write of the bot's own accord; raises VendorError."""
        return await self._speaker.send(delivery)

    def repeatable(self, delivery: Delivery) -> bool:
        """Tell whether a second send of this one shows nothing twice."""
        return self._speaker.repeatable(delivery)

    # -- for operators -----------------------------------------------------------------------------------

    def details(self) -> Json:
        """Return the connection and counters; ``unstored`` callbacks wait for the store."""
        link = self._link
        if link is None:
            return {"mode": "connection"}
        facts = {"state": link.state, "reason": link.reason, "since": link.since, "opened": link.opened}
        at_work = {"streams": self._speaker.streams, "unstored": self._backlog.waiting}
        counts = dict(link.counts)
        if lost := counts.get("lost", 0) + self._backlog.lost:
            counts["lost"] = lost
        return {"mode": "connection", "connection": facts, **at_work, **counts}

    async def test(self) -> list[Check]:
        """Read the secret, look at the connection, and let WeCom answer a ping.

        A connection that waits with credentials that were refused tries other ones at once.
        """
        self_test = SelfTest(f"{self.name}/{self.bot}", self._settings.ws_url)
        link = self._link

        async def secret() -> str:
            known = await self._credentials()
            if link is None:
                return ""
            before = link.refused
            if link.again(known):
                await self_test.until(
                    lambda: link.state != "needs credentials" or link.refused is not before, _CONNECTS
                )
            return ""

        found = await self_test.step("secret", secret, "`secret` of this bot")
        if link is None or link.state in ("connecting", "closed"):
            mend = f"`mindbot platform show {self_test.bot}` has its reason"
            state = f"the connection is {link.state}" if link else "the bot has not been started"
            return [*found, Check("subscription", "failed", state, mend)]
        if link.state != "connected":
            return [*found, self._not_connected(self_test, link)]

        async def ping() -> str:
            await link.request("ping", {})
            return ""

        found.append(Check("subscription", "ok"))
        return found + await self_test.step("round trip", ping, f"`mindbot platform restart {self_test.bot}`")

    def _not_connected(self, self_test: SelfTest, link: Link) -> Check:
        """Return why there is no subscription, with the mend that fits."""
        reason = f"{link.state}: {link.reason}"
        if link.state == "needs credentials":
            mend = "compare `bot_id` and `secret` with the bot's API settings"
            if link.refused is not None and link.refused.hint:
                mend = link.refused.hint
            at_once = f"`mindbot platform restart {self_test.bot}` asks at once"
            return Check("subscription", "failed", reason, f"{mend}; {at_once}")
        if link.state == "evicted":
            mend = (
                f"stop the other client, then `mindbot platform restart {self_test.bot}`; see `evicted_wait`"
            )
            return Check("subscription", "failed", reason, mend)
        lost = link.error or NetworkFailed("the connection was lost")
        mend = mend_for(lost, "`bot_id` and `ws_url`; is the bot in long-connection mode?", self_test.url)
        return Check("subscription", "failed", reason, mend)
