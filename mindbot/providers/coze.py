"""Coze: a published bot as a model, by chat v3.

Sources: coze.cn "Chat v3", "Cancel chat", "Upload files", "OAuth JWT"; cozepy 0.20.0 (`chat`, `auth`,
`files`). Every call begins a conversation of its own and is told all lines; it is always streamed, for an
answer that is not has to be polled for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import urlencode

from mindbot.config.models import ProviderSettings
from mindbot.domain.chat import Attachment, Capabilities, ChatRequest
from mindbot.domain.host import Secrets
from mindbot.domain.message import Json
from mindbot.providers.settings.coze import CozeSettings
from mindbot.providers.shared.answer import AnswerReader
from mindbot.providers.shared.client import Call, ModelClient
from mindbot.providers.shared.coze_tokens import CozeTokens, root_of, told
from mindbot.providers.shared.uploads import multipart
from mindbot.providers.wires.coze_wire import CozeAnswer, Uploaded, outputs_body, request_body, waiting


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
        self._root = root_of(self.base_url)
        self._bot = bot_id
        self._tokens = CozeTokens(name, self._root, self._post, app=app_id, fingerprint=key_id, clock=clock)

    @classmethod
    def arguments(cls, settings: ProviderSettings, secrets: Secrets) -> dict[str, Any]:
        """Return the client's arguments."""
        assert isinstance(settings, CozeSettings)
        more = {"bot_id": settings.bot_id, "app_id": settings.app_id, "key_id": settings.key_id}
        return super().arguments(settings, secrets) | more

    def capabilities(self, model: str = "") -> Capabilities:
        """Return what a bot can do: its tools are its own, whatever it is offered."""
        said = self._models.get(model, self._default)
        own: Json = {"tools": said.tools, "images": said.images, "files": said.files, "audio": said.audio}
        own["max_context"] = said.max_context
        usual = Capabilities(tools=False, images=True, files=True, audio=True)
        return replace(usual, **{name: value for name, value in own.items() if value is not None})

    def clean(self, key: str) -> str:
        """Return a key as it is shown; a private key keeps its lines."""
        return self._tokens.clean(key)

    def renew(self) -> bool:
        """Drop the token: it may have been revoked before its time."""
        self._tokens.forget()
        return self._tokens.exchanges

    def forget(self) -> None:
        """See `ModelClient.forget`."""
        super().forget()
        self._tokens.forget()

    async def auth(self, key: str) -> Mapping[str, str]:
        """Return the header that shows the key, or the token that it is exchanged for."""
        return await super().auth(await self._tokens.shown(key))

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
        return told(self.name, doc.get("data") if isinstance(doc, dict) else None, "id")

    async def _post(self, url: str, body: Json, headers: Mapping[str, str]) -> Any:
        return await self.beside("POST", url, body=body, headers=headers)
