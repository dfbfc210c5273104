"""The callback endpoint of webhook mode: verify, decrypt, hand on, answer encrypted.

Sources: WeCom developer centre, "Receiving messages" of AI bots (path/100719) and "Encryption and decryption"
(path/101033): as for applications, with JSON around it and an empty receive id.
"""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
import orjson
import structlog

from mindbot.domain import fields, plain
from mindbot.domain.errors import ConfigError, MindBotError, SecretError
from mindbot.domain.host import Secrets
from mindbot.domain.message import Json
from mindbot.domain.ports.platform import WebhookRequest, WebhookResponse
from mindbot.platforms.wecom import errors
from mindbot.platforms.wecom.crypto import Crypto
from mindbot.platforms.wecom.heard import Heard
from mindbot.telemetry.repeats import Repeats

if TYPE_CHECKING:
    from mindbot.config.vendors import WeComBotSettings

log = structlog.get_logger("mindbot.platforms.wecombot")

#: Takes a decrypted callback and its text; returns the answer, or None for an empty one.
Take = Callable[[Json, str], Awaitable[Json | None]]


_OF_APPLICATION = (
    "these are callbacks of an application, not of an AI bot: they go to the URL of a `wecom` bot"
)


class Callbacks:
    """One URL. ``failed`` is told of secrets that are not there.

    WeCom hangs up after five seconds and calls again: what is not taken within ``ack_within`` gets no ack.
    """

    max_body = 1 << 20

    def __init__(
        self,
        settings: WeComBotSettings,
        bot: str,
        secrets: Secrets,
        clock: Callable[[], float],
        failed: Callable[[str], None],
        *,
        ack_within: float = 4.5,
    ) -> None:
        self._settings = settings
        self._bot = bot
        self._secrets = secrets
        self._clock = clock
        self._failed = failed
        self._ack_within = ack_within
        self._crypto: Crypto | None = None
        self.heard = Heard(clock)
        self._refusals = Repeats(log, "callback refused")  # anybody can cause them

    def renew(self) -> None:
        """Read the secrets anew at the next callback."""
        self._crypto = None
        self.heard.renew()

    async def prepare(self) -> Crypto:
        """Read what callbacks need, once; raises SecretError, ConfigError."""
        if self._crypto is None:
            s = self._settings
            if s.token is None or s.encoding_aes_key is None:
                raise ConfigError("token and EncodingAESKey are needed", hint="or set mode: connection")
            token = await self._secrets.aget(s.token)
            key = await self._secrets.aget(s.encoding_aes_key)
            self._crypto = Crypto(token, key, "", for_another=_OF_APPLICATION)
        return self._crypto

    async def answer(self, request: WebhookRequest, take: Take) -> WebhookResponse:
        """Answer a URL verification or a callback; 200 means that it was taken."""
        try:
            if request.method == "GET":
                _, opened = await self._open(request, _param(request.query, "echostr"))
                if opened.lstrip()[:1] in (b"{", b"<"):
                    # Somebody replays a recorded callback as a verification, to read what it says.
                    raise errors.Malformed("echostr holds a message")
                return WebhookResponse(200, opened)
            if request.method == "POST":
                return await self._called(request, take)
            raise errors.WrongMethod(f"{request.method} is not a callback")
        except errors.Refused as refused:
            self.heard.refused(refused)
            self._refusals.tell(refused.kind, bot=self._bot, kind=refused.kind, reason=str(refused))
            return WebhookResponse(refused.status, refused.message.encode())
        except (SecretError, ConfigError) as error:
            self._failed(f"needs credentials: {error}")
            return WebhookResponse(503, b"not configured")
        except MemoryError:
            log.error("callback not read: there is no memory for it now", bot=self._bot)
            return WebhookResponse(503, b"not read, send it again")

    async def _called(self, request: WebhookRequest, take: Take) -> WebhookResponse:
        if len(request.body) > self.max_body:
            raise errors.TooLarge(f"{len(request.body)} bytes")
        encrypted = _envelope(request.body).get("encrypt")
        if not isinstance(encrypted, str) or not encrypted:
            raise errors.Malformed("the body has no encrypt")
        crypto, opened = await self._open(request, encrypted)
        body = _message(opened)
        try:
            with anyio.fail_after(self._ack_within):
                answer = await take(body, plain.decoded(opened))
        except errors.Refused:
            raise
        except (MindBotError, TimeoutError) as error:
            log.error("message not stored", bot=self._bot, reason=str(error) or "too slow")
            return WebhookResponse(503, b"not stored, send it again")
        except Exception:
            log.exception("message not stored", bot=self._bot)
            return WebhookResponse(503, b"not stored, send it again")
        if answer is None:
            return WebhookResponse(200)
        if _large(answer):
            return await anyio.to_thread.run_sync(self._sealed, crypto, answer)
        return self._sealed(crypto, answer)

    def _sealed(self, crypto: Crypto, answer: Json) -> WebhookResponse:
        """Encrypt and sign an answer with what opened its callback: secrets may be read anew meanwhile."""
        encrypted = crypto.encrypt(json.dumps(answer, ensure_ascii=False).encode())
        timestamp, nonce = int(self._clock()), str(int.from_bytes(os.urandom(5), "big"))
        sealed = {
            "encrypt": encrypted,
            "msgsignature": crypto.sign(str(timestamp), nonce, encrypted),
            "timestamp": timestamp,
            "nonce": nonce,
        }
        return WebhookResponse(200, json.dumps(sealed).encode(), "application/json")

    async def _open(self, request: WebhookRequest, encrypted: str) -> tuple[Crypto, bytes]:
        """Check signature and age, then decrypt; returns what it was decrypted with as well."""
        signature, timestamp, nonce = (
            _param(request.query, name) for name in ("msg_signature", "timestamp", "nonce")
        )
        crypto = self._crypto or await self.prepare()
        crypto.check(signature, timestamp, nonce, encrypted)
        if abs(self._clock() - fields.whole(timestamp)) > self._settings.timestamp_window:
            raise errors.StaleTimestamp(
                "timestamp outside the window", hint="an old replay, or a wrong clock"
            )
        opened = crypto.decrypt(encrypted)
        self.heard.proved()
        return crypto, opened


def _large(answer: Json) -> bool:
    """Whether it holds pictures: encrypting megabytes is not for the loop."""
    stream = answer.get("stream")
    return isinstance(stream, dict) and bool(stream.get("msg_item"))


def _envelope(body: bytes) -> Json:
    """Return what is around the ciphertext. Anybody may send it: no time is spent on what is nearly JSON."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if body.lstrip()[:1] == b"<" and b"Encrypt" in body:
            what = "an application's XML, where an AI bot's JSON belongs"
            raise errors.OfAnother(what, hint=_OF_APPLICATION) from error
        raise errors.Malformed("the body is not JSON") from error
    if not isinstance(found, dict):
        raise errors.Malformed("the body is not a JSON object")
    return found


def _message(opened: bytes) -> Json:
    """Return a decrypted message."""
    try:
        found = plain.loads(opened)
    except ValueError as error:
        if opened.lstrip()[:1] == b"<":
            raise errors.OfAnother("the message is XML, not JSON", hint=_OF_APPLICATION) from error
        raise errors.Malformed("the message is not JSON") from error
    if not isinstance(found, dict):
        raise errors.Malformed("the message is not a JSON object")
    return found


def _param(query: Mapping[str, str], name: str) -> str:
    value = query.get(name)
    if not isinstance(value, str) or not value:
        raise errors.Malformed(f"no {name} in the query")
    return value
