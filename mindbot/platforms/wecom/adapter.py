"""The adapter of a WeCom self-built application (企业微信自建应用): callbacks in, ``message/send`` out.

Sources: WeCom developer centre, "Callback configuration" (path/90930), "Receiving messages" (path/90238),
"Recall application message" (path/94867).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence

import anyio
import structlog
from pydantic import SecretStr

from mindbot.api.shown import ago
from mindbot.domain import fields
from mindbot.domain.abilities import Check
from mindbot.domain.delivery import Delivery, Sent
from mindbot.domain.errors import (
    AuthFailed,
    ConfigError,
    MindBotError,
    RateLimited,
    Rejected,
    SecretError,
)
from mindbot.domain.host import File, Host
from mindbot.domain.message import Json, Message, Part
from mindbot.domain.ports.platform import Receive, Report, WebhookRequest, WebhookResponse
from mindbot.domain.shapes.turns import PersonJson
from mindbot.platforms.clocks import timer_of
from mindbot.platforms.credentials import Credentials, needs_credentials
from mindbot.platforms.self_test import SelfTest
from mindbot.platforms.wecom import checks, incoming, say, uploads, wire
from mindbot.platforms.wecom.buttons import TemplateCards
from mindbot.platforms.wecom.contacts import Contacts
from mindbot.platforms.wecom.duplicate_check import LONGEST_INTERVAL
from mindbot.platforms.wecom.sender import ApplicationSender
from mindbot.platforms.wecom.settings import WeComSettings
from mindbot.platforms.wecom_shared.api import Api
from mindbot.platforms.wecom_shared.application import application_endpoint
from mindbot.platforms.wecom_shared.endpoint import MAX_BODY, OpenedCallback
from mindbot.platforms.wecom_shared.refusals import Malformed
from mindbot.platforms.wecom_shared.xml import text_of

log = structlog.get_logger("mindbot.platforms.wecom")

_MAX_WAIT = 60.0  # seconds between two attempts to prove the credentials
_DOWNLOADS = 3  # attempts at one download, while WeCom is busy or asks for fewer at once
_PATIENCE = 5.0  # seconds a download is waited with; a longer block is told instead


class WeComPlatform:
    """One bot: a `Platform` and a `Webhook` with the abilities Repeats, TakesBack, Fetches, People, Tests and
    Describes."""

    Settings = WeComSettings
    name = "wecom"
    idempotent = False  # only for a while, see `repeatable`
    max_body = MAX_BODY

    def __init__(
        self,
        settings: WeComSettings,
        bot: str,
        host: Host,
        *,
        clock: Callable[[], float] = time.time,
        ack_within: float = 4.5,
        backoff: float = 1.0,
    ) -> None:
        """Make the adapter; touches neither network nor secrets.

        ``clock`` tells Unix seconds. A push that is not stored within ``ack_within`` seconds gets no ack:
        WeCom hangs up after five and pushes again. ``backoff`` is the first wait of `run` when the network
        fails.
        """
        self.bot = bot
        self.host = settings.host
        self.port = settings.port
        self._settings = settings
        self._host = host
        self._clock = clock
        self._backoff = backoff
        self._api = _api(settings, settings.secret, host)
        contacts = settings.contacts_secret
        self._contacts = _api(settings, contacts, host) if contacts is not None else None
        self._endpoint = application_endpoint(
            settings,
            host.secrets,
            lambda reason: self._say("failed", reason),
            bot=bot,
            clock=clock,
            log=log,
            ack_within=ack_within,
            max_body=self.max_body,
        )
        self._buttons = TemplateCards(self._api, settings, host, clock, retry=5 * backoff)
        timer = timer_of(clock)
        self._people = Contacts(self._api, self._contacts, host.keep, ttl=settings.contacts_ttl, timer=timer)
        self._sender = ApplicationSender(self._api, settings, host, self._buttons, clock)
        self._report: Report = lambda state, reason: None
        self._state = ""
        self._credentials = Credentials(self._say, lambda: self._say("ok", ""))
        self._agent = settings.agent_id
        self._pushes = 0
        self._pushed_at = 0.0

    @classmethod
    def build(cls, settings: WeComSettings, bot: str, host: Host) -> WeComPlatform:
        """Make the adapter as the runtime does."""
        return cls(settings, bot, host)

    # -- in ----------------------------------------------------------------------------------------------

    async def run(self, receive: Receive, report: Report) -> None:
        """Prove the credentials, report, and change pressed cards until cancelled: messages come in by
        `callback`.

        Each run reads the secrets anew, so a restart is enough after one was mended.
        """
        self._report = report
        self._endpoint.renew()
        self._api.renew()
        if self._contacts is not None:
            self._contacts.renew()
        self._credentials.renew()
        self._say("starting", "asking WeCom for an access token")
        wait = self._backoff
        while not await self._proved(wait):
            wait = min(_MAX_WAIT, wait * 2)
        await self._buttons.run()

    async def _proved(self, wait: float) -> bool:
        """Try the credentials and report; return whether the answer is final."""
        try:
            await self._endpoint.prepare()
            await self._api.token()
        except (AuthFailed, SecretError, ConfigError) as error:
            self._say("failed", needs_credentials(error))
        except MindBotError as error:
            self._say("degraded" if error.retryable else "failed", str(error))
            if error.retryable:
                pause = error.retry_after if isinstance(error, RateLimited) else 0.0
                await anyio.sleep(max(pause, wait * random.uniform(0.5, 1.0)))
                return False
        else:
            self._say("ok", "")
        return True

    def _say(self, state: str, reason: str) -> None:
        self._state = state
        self._report(state, reason)

    async def callback(self, request: WebhookRequest, receive: Receive) -> WebhookResponse:
        """Answer a URL verification or a push; an empty 200 means that the message is on disk."""

        async def take(opened: OpenedCallback) -> None:
            agent_id = fields.whole(opened.envelope.get("AgentID")) or self._settings.agent_id
            message = self._read(opened.plain, agent_id)
            event = text_of(message.parts[0].data, "Event").lower()
            pressed = message.kind == "event" and event in (incoming.PRESS, incoming.MENU)
            if not (pressed and await self._buttons.pressed(message)):
                await receive(message)
            self._pushes += 1
            self._pushed_at = self._clock()
            self._agent = self._agent or message.reply_to.get("agentid")

        return await self._endpoint.answer(request, take)

    def _read(self, push: bytes, agent_id: int | None) -> Message:
        """Return the message of a push; one that a mistake of ours cannot read is kept as it came.

        Raises:
            Malformed: it is no message at all.
        """
        received = self._clock()
        try:
            return wire.to_message(push, bot=self.bot, received=received, agent_id=agent_id)
        except (Malformed, MemoryError):
            raise
        except Exception:
            log.exception("a push cannot be read", bot=self.bot)
            return wire.to_message(push, bot=self.bot, received=received, agent_id=agent_id, read=wire.unread)

    async def fetch(self, message: Message, part: Part) -> File | None:
        """Download what a part refers to.

        Raises:
            VendorError: WeCom does not have it any more (it keeps media for three days), or is too busy.
            Invalid: it is larger than the media store takes.
        """
        id = str(part.data.get("media_id") or "")
        if not id:
            return None
        attempt = 1
        while True:
            try:
                # Without the name we know: what comes without one is a refusal and no file.
                return await self._api.download(self._host.media, id)
            except Rejected as error:
                if not uploads.expired(error):
                    raise
                why = f"WeCom does not have this {part.kind} any more (errcode {error.code})"
                raise Rejected(why, hint="it keeps media for three days", code=error.code) from error
            except MindBotError as error:
                wait = error.retry_after if isinstance(error, RateLimited) else float(attempt)
                if not error.retryable or attempt >= _DOWNLOADS or wait > _PATIENCE:
                    raise
            attempt += 1
            await anyio.sleep(wait * random.uniform(1.0, 1.2))

    # -- out ---------------------------------------------------------------------------------------------

    def plan(self, parts: Sequence[Part]) -> list[list[Part]]:
        """Split a reply into messages; see `mindbot.platforms.wecom.say`."""
        return say.plan(parts, self._settings.messages_per_reply)

    def address(self, user: str) -> Json:
        """Return where a proactive message to a member goes; it needs the ``agent_id`` setting.

        What callbacks told of it is not used: the same push would work or fail by who wrote before.
        """
        return {"touser": user, "agentid": self._settings.agent_id}

    #: How long WeCom may remember what was sent, in seconds: that is told at a start.
    remembers: float = max(LONGEST_INTERVAL, 3600.0)

    def remember(self, sent: Iterable[Delivery]) -> None:
        """Learn what went out lately: an equal answer to another question is no repeat, and members' limits
        go on."""
        self._sender.remember(sent)

    def repeatable(self, delivery: Delivery) -> bool:
        """Tell whether WeCom still remembers a delivery; see `mindbot.platforms.wecom.duplicate_check`."""
        return self._sender.repeatable(delivery)

    async def send(self, delivery: Delivery) -> Sent:
        """Send one application message; raises what `mindbot.platforms.wecom.sender` raises."""
        with self._credentials.watched():
            sent = await self._sender.send(delivery)
        self._proven()
        return sent

    async def take_back(self, delivery: Delivery) -> None:
        """Recall a message, within a day; the WeChat plugin goes on showing it. See `TakesBack`."""
        with self._credentials.watched():
            await self._sender.take_back(delivery)

    async def change_card(self, task: str, change: Part | str) -> None:
        """Change a card that nobody pressed yet; ``task`` is ``notes.card`` of its delivery."""
        await self._buttons.replace(task, change)

    # -- for operators -----------------------------------------------------------------------------------

    async def user(self, id: str) -> PersonJson:
        """Return who a member is; see `mindbot.platforms.wecom.contacts`."""
        return await self._people.user(id)

    def details(self) -> Json:
        """Return what came and went since the start."""
        cards = {"pressed": self._buttons.presses, "changed": self._buttons.updates}
        cards["not_changed"] = self._buttons.failed
        found: Json = {
            "callbacks": self._pushes,
            "last_callback": self._pushed_at or None,
            **self._endpoint.health.details(),
            "sent": self._sender.sent,
            "held_for_member_limit": self._sender.held,
            "uploaded": self._sender.uploaded,
            "cards": cards,
        }
        return found | ({"contacts": self._people.refusal} if self._people.refusal else {})

    async def test(self) -> list[Check]:
        """Read the secrets, ask for a token, read the application, and tell when WeCom called back last.

        Credentials that are proved end the wait for somebody to mend them.
        """
        self_test = SelfTest(f"{self.name}/{self.bot}", self._api.base_url)
        refusal = self._people.refusal
        found, proved = await checks.run(
            self_test, self._api, self._endpoint, self._contacts, agent=self._agent, refused=refusal
        )
        if proved:
            self._proven()
        now = self._clock()
        came = f"{self._pushes} since the start, the last {ago(now - self._pushed_at)} ago"
        mend = f"{checks.RECEIVE}: the URL ends in /{self.name}/{self.bot}/callback; write to the app"
        calls = self._endpoint.health.check(came if self._pushes else "", "none since the start", mend)
        return [*found, calls]

    def _proven(self) -> None:
        """A call went through: the bot no longer waits for somebody to mend its credentials."""
        self._credentials.accepted()
        if self._state == "failed" and self._endpoint.ready:
            self._say("ok", "")


def _api(settings: WeComSettings, secret: SecretStr, host: Host) -> Api:
    """Return the calls made with one secret; tokens and limits are those of all bots that have it."""
    return Api(
        settings.api_base_url,
        settings.corpid,
        secret,
        host.http,
        host.secrets,
        shared=host.shared,
        per_minute=settings.calls_per_minute,
    )
