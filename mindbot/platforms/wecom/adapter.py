"""The adapter of a WeCom self-built application (企业微信自建应用): callbacks in, ``message/send`` out.

Sources: WeCom developer centre, "Callback configuration" (path/90930), "Receiving messages" (path/90238),
"Send application message" (path/90236).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import anyio

from mindbot.domain.delivery import Delivery, Sent
from mindbot.domain.errors import AuthFailed, ConfigError, MindBotError, RateLimited, SecretError
from mindbot.domain.host import Host, Secrets
from mindbot.domain.message import Json, Part
from mindbot.domain.ports import Http, Receive, Report, WebhookRequest, WebhookResponse
from mindbot.domain.shared import Shared
from mindbot.platforms.credentials import Credentials, needs_credentials
from mindbot.platforms.split import printable, split_bytes
from mindbot.platforms.wecom import wire
from mindbot.platforms.wecom.api import Api
from mindbot.platforms.wecom.callback import Callbacks
from mindbot.platforms.wecom.repeats import LONGEST_INTERVAL, Repeats

if TYPE_CHECKING:
    from mindbot.config.vendors import WeComSettings

_MAX_WAIT = 60.0  # seconds between two attempts to prove the credentials


class WeComPlatform:
    """One bot: a `Platform` and a `Webhook` of ``mindbot.domain.ports``."""

    name = "wecom"
    idempotent = True  # see `mindbot.platforms.wecom.repeats`
    max_body = 1 << 20

    def __init__(
        self,
        settings: WeComSettings,
        bot: str,
        http: Http,
        secrets: Secrets,
        *,
        clock: Callable[[], float] = time.time,
        ack_within: float = 4.5,
        backoff: float = 1.0,
        shared: Shared | None = None,
    ) -> None:
        """Make the adapter; touches neither network nor secrets.

        ``clock`` tells Unix seconds. A push that is not stored within ``ack_within`` seconds gets no ack:
        WeCom hangs up after five and pushes again. ``backoff`` is the first wait of `run` when the network
        fails. ``shared`` holds what all bots of an app have in common.
        """
        self.bot = bot
        self.host = settings.host
        self.port = settings.port
        self._settings = settings
        self._clock = clock
        self._backoff = backoff
        self._api = Api(
            settings.api_base_url,
            settings.corpid,
            settings.secret,
            http,
            secrets,
            shared=shared,
            per_minute=settings.calls_per_minute,
        )
        self._callbacks = Callbacks(
            settings,
            bot,
            secrets,
            clock,
            lambda reason: self._say("failed", reason),
            ack_within=ack_within,
            max_body=self.max_body,
        )
        self._repeats = Repeats()
        self._report: Report = _nobody
        self._state = ""
        self._credentials = Credentials(self._say, lambda: self._say("ok", ""))

    @classmethod
    def build(cls, settings: WeComSettings, bot: str, host: Host) -> WeComPlatform:
        """Make the adapter as the runtime does."""
        return cls(settings, bot, host.http, host.secrets, shared=host.shared)

    async def run(self, receive: Receive, report: Report) -> None:
        """Prove the credentials, report, and wait until cancelled: messages come in by `callback`.

        Each run reads the secrets anew, so a restart is enough after one was mended.
        """
        self._report = report
        self._callbacks.renew()
        self._api.renew()
        self._credentials.renew()
        self._say("starting", "asking WeCom for an access token")
        wait = self._backoff
        while not await self._proved(wait):
            wait = min(_MAX_WAIT, wait * 2)
        await anyio.sleep_forever()

    async def _proved(self, wait: float) -> bool:
        """Try the credentials and report; return whether the answer is final."""
        try:
            await self._callbacks.prepare()
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

        async def take(envelope: Json, plain: bytes) -> None:
            agent_id = wire.integer(envelope.get("AgentID")) or self._settings.agent_id
            await receive(wire.to_message(plain, bot=self.bot, received=self._clock(), agent_id=agent_id))

        return await self._callbacks.answer(request, take)

    def plan(self, parts: Sequence[Part]) -> list[list[Part]]:
        """Make one message of each part, or several where it is longer than WeCom takes.

        Kinds other than text and markdown go out as their text form, with their kind in ``data["was"]``.
        """
        messages: list[list[Part]] = []
        for part in parts:
            text = part
            if part.kind not in ("text", "markdown"):
                form = part.text or part.data.get("url") or f"[{part.kind}]"
                text = Part("text", str(form), {"was": part.kind})
            pieces = split_bytes(printable(text.text), wire.MAX_TEXT)
            # WeCom refuses empty text.
            messages += [[Part(text.kind, piece, text.data)] for piece in pieces if piece.strip()]
        return messages

    def address(self, user: str) -> Json:
        """Return where a proactive message to a member goes; it needs the ``agent_id`` setting."""
        return {"touser": user, "agentid": self._settings.agent_id}

    #: How long WeCom may remember a text, in seconds: what was sent since then is recalled at a start.
    remembers: float = LONGEST_INTERVAL

    def recall(self, sent: Iterable[Delivery]) -> None:
        """Learn what went out lately: an equal answer to another question is no repeat."""
        for delivery in sent:
            body = wire.send_body(delivery, agent_id=self._settings.agent_id)
            self._repeats.recall(delivery.id, body["touser"], body[body["msgtype"]]["content"])

    async def send(self, delivery: Delivery) -> Sent:
        """Send one application message; raises VendorError (see `mindbot.platforms.wecom.errors`)."""
        body = wire.send_body(delivery, agent_id=self._settings.agent_id)
        user, text = body["touser"], body[body["msgtype"]]["content"]
        body |= self._repeats.check(delivery, user, text)
        with self._credentials.watched():
            answer = await self._api.post("message/send", body)
        if self._state == "failed" and self._callbacks.ready:
            self._say("ok", "")
        wire.check_receiver(answer, user)
        degraded = [part.data["was"] for part in delivery.parts if "was" in part.data]
        return Sent(str(answer.get("msgid", "")), {"sent_as_text": degraded} if degraded else {})


def _nobody(_state: str, _reason: str) -> None:
    """Stands in until `run` is told whom to report to."""
