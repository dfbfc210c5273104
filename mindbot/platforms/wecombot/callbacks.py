"""Callbacks of webhook mode: JSON with an empty receive id, answered encrypted.

Sources: WeCom developer centre, "Receiving messages" of AI bots (path/100719) and "Encryption and decryption"
(path/101033).
"""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import anyio.to_thread
import orjson
import structlog

from mindbot.domain import plain
from mindbot.domain.errors import ConfigError
from mindbot.domain.host import Secrets
from mindbot.domain.message import Json
from mindbot.domain.ports.platform import WebhookRequest, WebhookResponse
from mindbot.platforms.wecom_shared.callback_health import CallbackHealth
from mindbot.platforms.wecom_shared.crypto import Crypto
from mindbot.platforms.wecom_shared.endpoint import CallbackForm, Endpoint, OpenedCallback, Respond
from mindbot.platforms.wecom_shared.refusals import Malformed, OfAnother

if TYPE_CHECKING:
    from mindbot.platforms.wecombot.settings import WeComBotSettings

log = structlog.get_logger("mindbot.platforms.wecombot")

#: Takes a decrypted callback and its text; returns the answer, or None for an empty one.
Take = Callable[[Json, str], Awaitable[Json | None]]

_OF_APPLICATION = (
    "these are callbacks of an application, not of an AI bot: they go to the URL of a `wecom` bot"
)


class BotCallbacks:
    """One URL, see `Endpoint`: what goes in and out of it is JSON."""

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
        async def read() -> Crypto:
            if settings.token is None or settings.encoding_aes_key is None:
                raise ConfigError("token and EncodingAESKey are needed", hint="or set mode: connection")
            token = await secrets.aget(settings.token)
            key = await secrets.aget(settings.encoding_aes_key)
            return Crypto(token, key, "", for_another=_OF_APPLICATION)

        self._clock = clock
        self._endpoint = Endpoint(
            CallbackForm(_envelope, "encrypt", (b"{", b"<")),
            read,
            failed,
            bot=bot,
            clock=clock,
            window=settings.timestamp_window,
            log=log,
            ack_within=ack_within,
        )
        self.renew = self._endpoint.renew
        self.prepare = self._endpoint.prepare

    @property
    def health(self) -> CallbackHealth:
        """Return what came to the URL."""
        return self._endpoint.health

    async def answer(self, request: WebhookRequest, take: Take) -> WebhookResponse:
        """Answer a URL verification or a callback; 200 means that it was taken."""

        async def opened(callback: OpenedCallback) -> Respond | None:
            answer = await take(_message(callback.plain), plain.decoded(callback.plain))
            if answer is None:
                return None
            found, crypto = answer, callback.crypto

            async def respond() -> WebhookResponse:
                if _large(found):
                    return await anyio.to_thread.run_sync(self._sealed, crypto, found)
                return self._sealed(crypto, found)

            return respond

        return await self._endpoint.answer(request, opened)

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
            raise OfAnother(what, hint=_OF_APPLICATION) from error
        raise Malformed("the body is not JSON") from error
    if not isinstance(found, dict):
        raise Malformed("the body is not a JSON object")
    return found


def _message(opened: bytes) -> Json:
    """Return a decrypted message."""
    try:
        found = plain.loads(opened)
    except ValueError as error:
        if opened.lstrip()[:1] == b"<":
            raise OfAnother("the message is XML, not JSON", hint=_OF_APPLICATION) from error
        raise Malformed("the message is not JSON") from error
    if not isinstance(found, dict):
        raise Malformed("the message is not a JSON object")
    return found
