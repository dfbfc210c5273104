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
import structlog

from mindbot.domain.delivery import Delivery, Sent
from mindbot.domain.errors import AuthFailed, ConfigError, MindBotError, RateLimited, SecretError, VendorError
from mindbot.domain.host import Host, Secrets
from mindbot.domain.message import Json, Part
from mindbot.domain.ports import Http, Receive, Report, WebhookRequest, WebhookResponse
from mindbot.platforms.split import printable, split_bytes
from mindbot.platforms.tokens import Lent, TokenCache
from mindbot.platforms.wecom import errors, wire
from mindbot.platforms.wecom.crypto import Crypto
from mindbot.platforms.wecom.repeats import LONGEST_INTERVAL, Repeats
from mindbot.platforms.wecom.token import fetch_token

if TYPE_CHECKING:
    from mindbot.config.vendors import WeComSettings

log = structlog.get_logger("mindbot.platforms.wecom")

_TIMEOUT = 10.0  # seconds for one call
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
        self._http = http
        self._secrets = secrets
        self._clock = clock
        self._ack_within = ack_within
        self._backoff = backoff
        self._base_url = settings.api_base_url.rstrip("/")
        self._tokens = TokenCache(self._fetch_token)
        self._repeats = Repeats()
        self._crypto: Crypto | None = None
        self._report: Report = _nobody
        self._state = ""
        self._refusals = 0  # sends in a row that ended in AuthFailed
        http.allow(self._base_url)

    @classmethod
    def build(cls, settings: WeComSettings, bot: str, host: Host) -> WeComPlatform:
        """Make the adapter as the runtime does."""
        return cls(settings, bot, host.http, host.secrets)

    async def run(self, receive: Receive, report: Report) -> None:
        """Prove the credentials, report, and wait until cancelled: messages come in by `callback`.

        Each run reads the secrets anew, so a restart is enough after one was mended.
        """
        self._report = report
        self._crypto = None
        self._tokens = TokenCache(self._fetch_token)
        self._say("starting", "asking WeCom for an access token")
        wait = self._backoff
        while not await self._proved(wait):
            wait = min(_MAX_WAIT, wait * 2)
        await anyio.sleep_forever()

    async def _proved(self, wait: float) -> bool:
        """Try the credentials and report; return whether the answer is final."""
        try:
            await self._ready()
            await self._tokens.get()
        except (AuthFailed, SecretError, ConfigError) as error:
            self._say("failed", f"needs credentials: {error}")
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
        try:
            if request.method == "GET":
                return await self._verify(request)
            if request.method == "POST":
                return await self._push(request, receive)
            raise errors.WrongMethod(f"{request.method} is not a callback")
        except errors.Refused as refused:
            log.warning("callback refused", bot=self.bot, kind=refused.kind, reason=str(refused))
            return _answer(refused.status, refused.message)
        except (SecretError, ConfigError) as error:
            self._say("failed", f"needs credentials: {error}")
            return _answer(503, "not configured")

    async def _verify(self, request: WebhookRequest) -> WebhookResponse:
        """Answer the GET by which WeCom checks a callback URL when it is saved."""
        encrypted = _param(request, "echostr")
        plain = await self._open(request, encrypted)
        if plain.lstrip().startswith(b"<"):
            # Somebody replays a recorded push as a verification, to read what it says.
            raise errors.Malformed("echostr holds a message")
        return WebhookResponse(200, plain)

    async def _push(self, request: WebhookRequest, receive: Receive) -> WebhookResponse:
        if len(request.body) > self.max_body:
            raise errors.TooLarge(f"{len(request.body)} bytes")
        envelope = wire.parse_xml(request.body)
        encrypted = envelope.get("Encrypt")
        if not isinstance(encrypted, str) or not encrypted:
            raise errors.Malformed("the envelope has no Encrypt")
        plain = await self._open(request, encrypted)
        agent_id = wire.integer(envelope.get("AgentID")) or self._settings.agent_id
        message = wire.to_message(plain, bot=self.bot, received=self._clock(), agent_id=agent_id)
        try:
            with anyio.fail_after(self._ack_within):
                await receive(message)
        except (MindBotError, TimeoutError) as error:
            log.error("message not stored", bot=self.bot, key=message.key, reason=str(error) or "too slow")
            return _answer(503, "not stored, send it again")
        except Exception:
            log.exception("message not stored", bot=self.bot, key=message.key)
            return _answer(503, "not stored, send it again")
        return WebhookResponse(200)

    async def _open(self, request: WebhookRequest, encrypted: str) -> bytes:
        """Check signature and age, then decrypt."""
        signature, timestamp, nonce = (
            _param(request, name) for name in ("msg_signature", "timestamp", "nonce")
        )
        crypto = self._crypto or await self._ready()
        crypto.check(signature, timestamp, nonce, encrypted)
        if abs(self._clock() - wire.integer(timestamp)) > self._settings.timestamp_window:
            raise errors.StaleTimestamp(
                "timestamp outside the window", hint="an old replay, or a wrong clock"
            )
        return crypto.decrypt(encrypted)

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
        try:
            answer = await self._call("message/send", body)
        except AuthFailed as error:
            self._refusals += 1
            if self._refusals >= 2:
                self._say("failed", f"needs credentials: {error}")
            raise
        self._refusals = 0
        if self._state == "failed" and self._crypto is not None:
            self._say("ok", "")
        wire.check_receiver(answer, user)
        degraded = [part.data["was"] for part in delivery.parts if "was" in part.data]
        return Sent(str(answer.get("msgid", "")), {"sent_as_text": degraded} if degraded else {})

    async def _call(self, call: str, body: Json) -> Json:
        """Post to the API; a token that is not accepted is replaced once."""
        token = await self._tokens.get()
        answer = await self._post(call, body, token)
        if errors.code_of(answer) in errors.STALE_TOKEN:
            self._tokens.drop(token)
            answer = await self._post(call, body, await self._tokens.get())
        if code := errors.code_of(answer):
            raise errors.error_for(code, str(answer.get("errmsg", "")), call)
        return answer

    async def _post(self, call: str, body: Json, token: str) -> Json:
        response = await self._http.request(
            "POST",
            f"{self._base_url}/cgi-bin/{call}",
            params={"access_token": token},
            json=body,
            timeout=_TIMEOUT,
        )
        if response.status != 200:
            raise errors.http_error(response, call)
        try:
            answer: Json = response.json()
            errors.code_of(answer)
        except (VendorError, ValueError) as error:
            raise errors.unreadable(call) from error
        return answer

    async def _ready(self) -> Crypto:
        """Resolve what callbacks need, once."""
        if self._crypto is None:
            token = await self._secrets.aget(self._settings.token)
            key = await self._secrets.aget(self._settings.encoding_aes_key)
            self._crypto = Crypto(token, key, self._settings.corpid)
        return self._crypto

    async def _fetch_token(self) -> Lent:
        try:
            secret = await self._secrets.aget(self._settings.secret)
        except SecretError as error:
            raise AuthFailed(f"the app secret is not there: {error.message}", hint=error.hint) from error
        return await fetch_token(self._http, self._base_url, self._settings.corpid, secret, timeout=_TIMEOUT)


def _param(request: WebhookRequest, name: str) -> str:
    value = request.query.get(name)
    if not value:
        raise errors.Malformed(f"no {name} in the query")
    return value


def _answer(status: int, text: str) -> WebhookResponse:
    return WebhookResponse(status, text.encode())


def _nobody(_state: str, _reason: str) -> None:
    """Stands in until `run` is told whom to report to."""
