"""The callback endpoint that all kinds of WeCom bots share: verify, decrypt, hand on, acknowledge.

Source: WeCom developer centre, "Callback configuration" (path/90930).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import anyio
import structlog

from mindbot.domain import fields
from mindbot.domain.errors import ConfigError, MindBotError, SecretError
from mindbot.domain.host import Secrets
from mindbot.domain.message import Json
from mindbot.domain.ports.platform import WebhookRequest, WebhookResponse
from mindbot.platforms.wecom import errors, wire
from mindbot.platforms.wecom.crypto import OF_AI_BOT, Crypto
from mindbot.platforms.wecom.heard import Heard
from mindbot.telemetry.repeats import Repeats

if TYPE_CHECKING:
    from mindbot.config.vendors import WeComCsSettings, WeComSettings

log = structlog.get_logger("mindbot.platforms.wecom")

#: Takes the envelope and the decrypted message; returns when it is safe to acknowledge.
Take = Callable[[Json, bytes], Awaitable[Any]]


class Callbacks:
    """One URL. A push that is not taken within ``ack_within`` seconds gets no ack: WeCom hangs up after five
    and pushes again. ``failed`` is told of secrets that are not there."""

    def __init__(
        self,
        settings: WeComSettings | WeComCsSettings,
        bot: str,
        secrets: Secrets,
        clock: Callable[[], float],
        failed: Callable[[str], None],
        *,
        ack_within: float = 4.5,
        max_body: int = 1 << 20,
    ) -> None:
        self._settings = settings
        self._bot = bot
        self._secrets = secrets
        self._clock = clock
        self._failed = failed
        self._ack_within = ack_within
        self._max_body = max_body
        self._crypto: Crypto | None = None
        self.heard = Heard(clock)
        self._refusals = Repeats(log, "callback refused")  # anybody can cause them

    @property
    def ready(self) -> bool:
        """Whether the secrets have been read."""
        return self._crypto is not None

    def renew(self) -> None:
        """Read the secrets anew at the next callback."""
        self._crypto = None
        self.heard.renew()

    async def answer(self, request: WebhookRequest, take: Take) -> WebhookResponse:
        """Answer a URL verification or a push; an empty 200 means that it was taken."""
        try:
            if request.method == "GET":
                return await self._verify(request)
            if request.method == "POST":
                return await self._push(request, take)
            raise errors.WrongMethod(f"{request.method} is not a callback")
        except errors.Refused as refused:
            self.heard.refused(refused)
            self._refusals.tell(refused.kind, bot=self._bot, kind=refused.kind, reason=str(refused))
            return _answer(refused.status, refused.message)
        except (SecretError, ConfigError) as error:
            self._failed(f"needs credentials: {error}")
            return _answer(503, "not configured")
        except MemoryError:
            log.error("callback not read: there is no memory for it now", bot=self._bot)
            return _answer(503, "not read, send it again")

    async def _verify(self, request: WebhookRequest) -> WebhookResponse:
        """Answer the GET by which WeCom checks a callback URL when it is saved."""
        encrypted = _param(request, "echostr")
        plain = await self._open(request, encrypted)
        if plain.lstrip().startswith(b"<"):
            # Somebody replays a recorded push as a verification, to read what it says.
            raise errors.Malformed("echostr holds a message")
        return WebhookResponse(200, plain)

    async def _push(self, request: WebhookRequest, take: Take) -> WebhookResponse:
        if len(request.body) > self._max_body:
            raise errors.TooLarge(f"{len(request.body)} bytes")
        if request.body.lstrip()[:1] == b"{" and b'"encrypt"' in request.body:
            raise errors.OfAnother("an AI bot's JSON, where an application's XML belongs", hint=OF_AI_BOT)
        envelope = wire.parse_xml(request.body, mend=False)
        encrypted = envelope.get("Encrypt")
        if not isinstance(encrypted, str) or not encrypted:
            raise errors.Malformed("the envelope has no Encrypt")
        plain = await self._open(request, encrypted)
        try:
            with anyio.fail_after(self._ack_within):
                await take(envelope, plain)
        except errors.Refused:
            raise
        except (MindBotError, TimeoutError) as error:
            log.error("message not stored", bot=self._bot, reason=str(error) or "too slow")
            return _answer(503, "not stored, send it again")
        except Exception:
            log.exception("message not stored", bot=self._bot)
            return _answer(503, "not stored, send it again")
        return WebhookResponse(200)

    async def _open(self, request: WebhookRequest, encrypted: str) -> bytes:
        """Check signature and age, then decrypt."""
        signature, timestamp, nonce = (
            _param(request, name) for name in ("msg_signature", "timestamp", "nonce")
        )
        crypto = self._crypto or await self.prepare()
        crypto.check(signature, timestamp, nonce, encrypted)
        if abs(self._clock() - fields.whole(timestamp)) > self._settings.timestamp_window:
            raise errors.StaleTimestamp(
                "timestamp outside the window", hint="an old replay, or a wrong clock"
            )
        plain = crypto.decrypt(encrypted)
        self.heard.proved()
        return plain

    async def prepare(self) -> Crypto:
        """Read what callbacks need, once; raises SecretError, ConfigError."""
        if self._crypto is None:
            token = await self._secrets.aget(self._settings.token)
            key = await self._secrets.aget(self._settings.encoding_aes_key)
            self._crypto = Crypto(token, key, self._settings.corpid)
        return self._crypto


def _param(request: WebhookRequest, name: str) -> str:
    value = request.query.get(name)
    if not value:
        raise errors.Malformed(f"no {name} in the query")
    return value


def _answer(status: int, text: str) -> WebhookResponse:
    return WebhookResponse(status, text.encode())
