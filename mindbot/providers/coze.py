"""Coze: a published bot as a model, by chat v3.

Sources: coze.cn "Chat v3", "Cancel chat", "Upload files", "OAuth JWT"; cozepy 0.20.0 (`chat`, `auth`,
`files`). Every call begins a conversation of its own and is told all lines; it is always streamed, for an
answer that is not has to be polled for.
"""

from __future__ import annotations

import secrets as random
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import urlencode, urlsplit

import anyio

from mindbot.config.models import ProviderSettings
from mindbot.domain.chat import Attachment, Capabilities, ChatRequest
from mindbot.domain.errors import Overloaded
from mindbot.domain.host import Secrets
from mindbot.domain.message import Json
from mindbot.providers.settings.coze import CozeSettings
from mindbot.providers.shared.answer import AnswerReader
from mindbot.providers.shared.client import Call, ModelClient
from mindbot.providers.shared.jwt import rs256
from mindbot.providers.shared.uploads import multipart
from mindbot.providers.wires.coze_wire import CozeAnswer, Uploaded, outputs_body, request_body, waiting

_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_SIGNED_FOR = 600  # seconds a signed request for a token is good for; an hour at most
_LIFE = 3600  # seconds a token is asked for
_EARLY = 60.0  # seconds before its end a token is no longer used
_SPAN = 1_000_000_000  # what is less is no time of our days but a span


class CozeProvider(ModelClient):
    """See the module, and `ModelClient` for the arguments.

    ``bot_id`` answers where no model (its name is a bot's id) is asked for. With ``app_id`` and ``key_id``
    the key is the private key of that OAuth app. ``clock`` is seconds since the epoch.
    """

    Settings = CozeSettings
    vendor: ClassVar[str] = "coze"
    home: ClassVar[str] = "https://api.coze.cn"

    def __init__(
        self,
        name: str,
        *,
        bot_id: str,
        app_id: str = "",
        key_id: str = "",
        clock: Callable[[], float] = time.time,
        **more: Any,
    ) -> None:
        super().__init__(name, **more)
        self._root = self.base_url.rstrip("/").removesuffix("/v1").removesuffix("/v3")
        self._bot = bot_id
        self._app, self._fingerprint = app_id, key_id
        self._clock = clock
        self._token = ("", 0.0)  # and until when it is used
        self._renewing = anyio.Lock()

    @classmethod
    def arguments(cls, settings: ProviderSettings, secrets: Secrets) -> dict[str, Any]:
        """Return the client's arguments."""
        assert isinstance(settings, CozeSettings)
        more = {"bot_id": settings.bot_id, "app_id": settings.app_id, "key_id": settings.key_id}
        return super().arguments(settings, secrets) | more

    def capabilities(self, model: str = "") -> Capabilities:
        """Return what a bot can do: its tools are its own, whatever it is offered."""
        told = self._models.get(model, self._default)
        own: Json = {"tools": told.tools, "images": told.images, "files": told.files, "audio": told.audio}
        own["max_context"] = told.max_context
        usual = Capabilities(tools=False, images=True, files=True, audio=True)
        return replace(usual, **{name: value for name, value in own.items() if value is not None})

    def clean(self, key: str) -> str:
        """Return a key as it is shown; a private key keeps its lines."""
        return key.replace("\\n", "\n").strip() if self._app else super().clean(key)

    def renew(self) -> bool:
        """Drop the token: it may have been revoked before its time."""
        self._token = ("", 0.0)
        return bool(self._app)

    def forget(self) -> None:
        """See `ModelClient.forget`."""
        super().forget()
        self._token = ("", 0.0)

    async def auth(self, key: str) -> Mapping[str, str]:
        """Return the header that shows the key, or the token that it is exchanged for."""
        return await super().auth(await self._exchanged(key) if self._app else key)

    async def asked(self, request: ChatRequest, headers: Mapping[str, str]) -> Call:
        """Upload what the lines hold, then return the call."""
        files: dict[Attachment, str] = {}
        for message in request.messages:
            for part in message.attachments:
                if part.data and part not in files:
                    files[part] = await self._upload(part, headers)
        return self.call(request, files)

    def call(self, request: ChatRequest, files: Uploaded | None = None) -> Call:
        """Return the call of a chat, or the one that goes on with a chat that waits for results."""
        if found := waiting(request):
            conversation, chat, results = found
            place = urlencode({"conversation_id": conversation, "chat_id": chat})
            url = f"{self._root}/v3/chat/submit_tool_outputs?{place}"
            return Call(url, outputs_body(results), streamed=True)
        bot = request.model if request.model in self._models else self._bot
        return Call(f"{self._root}/v3/chat", request_body(request, bot, files or {}), streamed=True)

    def reader(self, model: str, **more: Any) -> AnswerReader:
        """Return what reads one chat."""
        return CozeAnswer(self.name, **more)

    async def stop(self, call: Call, running: Mapping[str, str]) -> None:
        """Cancel a chat."""
        await self.beside("POST", f"{self._root}/v3/chat/cancel", body=running, headers=call.headers)

    async def _upload(self, file: Attachment, headers: Mapping[str, str]) -> str:
        url = f"{self._root}/v1/files/upload"
        doc = await self.beside("POST", url, form=multipart({}, file), headers=headers)
        return self._told(doc.get("data") if isinstance(doc, dict) else None, "id")

    async def _exchanged(self, key: str) -> str:
        """Return a token for the OAuth app; one fetches it for all who wait."""
        async with self._renewing:
            token, until = self._token
            now = self._clock()
            if now < until:
                return token
            host = urlsplit(self._root).netloc
            claims = {
                "iss": self._app,
                "aud": host,
                "iat": int(now),
                "exp": int(now) + _SIGNED_FOR,
                "jti": random.token_hex(16),
            }
            signed = rs256({"typ": "JWT", "kid": self._fingerprint}, claims, key)
            doc = await self.beside(
                "POST",
                f"{self._root}/api/permission/oauth2/token",
                body={"duration_seconds": _LIFE, "grant_type": _GRANT},
                headers={"Authorization": f"Bearer {signed}"},
            )
            token = self._told(doc, "access_token")
            ends = doc.get("expires_in")
            if not isinstance(ends, int | float):
                ends = _LIFE
            self._token = (token, (ends if ends >= _SPAN else now + ends) - _EARLY)
            return token

    def _told(self, doc: Any, name: str) -> str:
        if isinstance(doc, dict) and isinstance(value := doc.get(name), str) and value:
            return value
        raise Overloaded(f"{self.name}: an answer without {name}", code="garbage")
