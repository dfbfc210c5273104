"""The callback endpoint that all kinds of WeCom bots share: verify, decrypt, hand on, acknowledge.

Sources: WeCom developer centre, "Callback configuration" (path/90930), "Receiving messages" of AI bots
(path/100719). How the body is written is each product's own, see `CallbackForm`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from mindbot.deadlines import Within
from mindbot.domain import fields
from mindbot.domain.errors import ConfigError, MindBotError, SecretError
from mindbot.domain.message import Json
from mindbot.domain.ports.platform import WebhookRequest, WebhookResponse
from mindbot.platforms.wecom_shared.callback_health import CallbackHealth
from mindbot.platforms.wecom_shared.crypto import Crypto
from mindbot.platforms.wecom_shared.refusals import (
    CallbackTooLarge,
    Malformed,
    RefusedCallback,
    StaleTimestamp,
    WrongMethod,
)
from mindbot.telemetry.repeats import RepeatedEvents

#: Bytes of a body; WeCom's own are some KB.
MAX_BODY = 1 << 20


@dataclass(frozen=True, slots=True)
class CallbackForm:
    """How one product writes its callbacks.

    ``envelope`` reads what is around the ciphertext; anybody may send it, so it raises Malformed without
    spending time. ``encrypted`` is its field of the ciphertext, ``begins`` what a message begins with: what
    a URL verification brings never does.
    """

    envelope: Callable[[bytes], Json]
    encrypted: str
    begins: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class OpenedCallback:
    """A callback that is genuine: its envelope, the decrypted message, and what opened it."""

    envelope: Json
    plain: bytes
    crypto: Crypto


#: Makes the answer to a callback that was taken.
Respond = Callable[[], Awaitable[WebhookResponse]]

#: Takes a callback; returns when it is safe to acknowledge, with what to answer where that is not nothing.
TakeCallback = Callable[[OpenedCallback], Awaitable[Respond | None]]

#: Reads the secrets; raises SecretError, ConfigError.
ReadSecrets = Callable[[], Awaitable[Crypto]]


class Endpoint:
    """One URL. A callback that is not taken within ``ack_within`` seconds gets no ack: WeCom hangs up after
    five and calls again. ``failed`` is told of secrets that are not there."""

    def __init__(
        self,
        form: CallbackForm,
        secrets: ReadSecrets,
        failed: Callable[[str], None],
        *,
        bot: str,
        clock: Callable[[], float],
        window: float,
        log: Any,
        ack_within: float = 4.5,
        max_body: int = MAX_BODY,
    ) -> None:
        """``clock`` tells Unix seconds; what was signed more than ``window`` seconds away is refused; ``log``
        is the platform's."""
        self._form = form
        self._secrets = secrets
        self._failed = failed
        self._bot = bot
        self._clock = clock
        self._window = window
        self._log = log
        self._ack_within = ack_within
        self._max_body = max_body
        self._crypto: Crypto | None = None
        self.health = CallbackHealth(clock)
        self._refusals = RepeatedEvents(log, "callback refused")  # anybody can cause them

    @property
    def ready(self) -> bool:
        """Whether the secrets have been read."""
        return self._crypto is not None

    def renew(self) -> None:
        """Read the secrets anew at the next callback."""
        self._crypto = None
        self.health.renew()

    async def prepare(self) -> Crypto:
        """Read what callbacks need, once; raises SecretError, ConfigError."""
        if self._crypto is None:
            self._crypto = await self._secrets()
        return self._crypto

    async def answer(self, request: WebhookRequest, take: TakeCallback) -> WebhookResponse:
        """Answer a URL verification or a callback; 200 means that it was taken."""
        try:
            if request.method == "GET":
                return await self._verify(request)
            if request.method == "POST":
                return await self._called(request, take)
            raise WrongMethod(f"{request.method} is not a callback")
        except RefusedCallback as refused:
            self.health.refused(refused)
            self._refusals.tell(refused.kind, bot=self._bot, kind=refused.kind, reason=str(refused))
            return _text(refused.status, refused.message)
        except (SecretError, ConfigError) as error:
            self._failed(f"needs credentials: {error}")
            return _text(503, "not configured")
        except MemoryError:
            self._log.error("callback not read: there is no memory for it now", bot=self._bot)
            return _text(503, "not read, send it again")

    async def _verify(self, request: WebhookRequest) -> WebhookResponse:
        """Answer the GET by which WeCom checks a callback URL when it is saved."""
        _, plain = await self._open(request, _param(request, "echostr"))
        if plain.lstrip().startswith(self._form.begins):
            # Somebody replays a recorded callback as a verification, to read what it says.
            raise Malformed("echostr holds a message")
        return WebhookResponse(200, plain)

    async def _called(self, request: WebhookRequest, take: TakeCallback) -> WebhookResponse:
        if len(request.body) > self._max_body:
            raise CallbackTooLarge(f"{len(request.body)} bytes")
        envelope = self._form.envelope(request.body)
        encrypted = envelope.get(self._form.encrypted)
        if not isinstance(encrypted, str) or not encrypted:
            raise Malformed(f"the body has no {self._form.encrypted}")
        crypto, plain = await self._open(request, encrypted)
        try:
            with Within(self._ack_within):
                respond = await take(OpenedCallback(envelope, plain, crypto))
        except (RefusedCallback, MemoryError):
            raise
        except (MindBotError, TimeoutError) as error:
            self._log.error("message not stored", bot=self._bot, reason=str(error) or "too slow")
            return _text(503, "not stored, send it again")
        except Exception:  # noqa: BLE001 - logged; whatever it is, WeCom has to call again
            self._log.exception("message not stored", bot=self._bot)
            return _text(503, "not stored, send it again")
        return await respond() if respond is not None else WebhookResponse(200)

    async def _open(self, request: WebhookRequest, encrypted: str) -> tuple[Crypto, bytes]:
        """Check signature and age, then decrypt; returns what it was decrypted with as well: secrets may be
        read anew meanwhile."""
        signature, timestamp, nonce = (
            _param(request, name) for name in ("msg_signature", "timestamp", "nonce")
        )
        crypto = await self.prepare()
        crypto.check(signature, timestamp, nonce, encrypted)
        if abs(self._clock() - fields.whole(timestamp)) > self._window:
            raise StaleTimestamp("timestamp outside the window", hint="an old replay, or a wrong clock")
        plain = crypto.decrypt(encrypted)
        self.health.proved()
        return crypto, plain


def _param(request: WebhookRequest, name: str) -> str:
    value = request.query.get(name)
    if not isinstance(value, str) or not value:
        raise Malformed(f"no {name} in the query")
    return value


def _text(status: int, text: str) -> WebhookResponse:
    return WebhookResponse(status, text.encode())
