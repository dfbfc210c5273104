"""Dify: a chat app as a model. Its key decides which app that is.

Sources: Dify Service API, "Send chat message", "Stop response", "File upload". Every call begins a
conversation of its own. It is streamed unless ``stream`` is off: agents answer no other way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import quote

from mindbot.config.models import ProviderSettings
from mindbot.domain.chat import Attachment, Capabilities, ChatRequest
from mindbot.domain.errors import Overloaded
from mindbot.domain.host import Secrets
from mindbot.http.guard import endpoint
from mindbot.providers.settings.dify import DifySettings
from mindbot.providers.shared.answer import AnswerReader
from mindbot.providers.shared.client import Call, ModelClient
from mindbot.providers.shared.uploads import multipart
from mindbot.providers.wires.dify_wire import DifyAnswer, History, Uploaded, asked_with, request_body

#: What an app takes, whatever model is behind it; tools run inside of it.
_APP = Capabilities(tools=False, images=True, files=True, audio=True, system_role=False)


class DifyProvider(ModelClient):
    """See the module, and `ModelClient` for the arguments. ``history``: where earlier lines are told."""

    Settings = DifySettings
    vendor: ClassVar[str] = "dify"
    home: ClassVar[str] = "https://api.dify.ai/v1"

    def __init__(self, name: str, *, history: History = "query", **more: Any) -> None:
        super().__init__(name, **more)
        self._history: History = history

    @classmethod
    def arguments(cls, settings: ProviderSettings, secrets: Secrets) -> dict[str, Any]:
        """Return the client's arguments."""
        assert isinstance(settings, DifySettings)
        return super().arguments(settings, secrets) | {"history": settings.history}

    def capabilities(self, model: str = "") -> Capabilities:
        """Return what an app takes."""
        return replace(_APP, streaming=self._stream)

    async def asked(self, request: ChatRequest, headers: Mapping[str, str]) -> Call:
        """Upload what the question holds, then return the call."""
        files: dict[Attachment, str] = {}
        for part in asked_with(request):
            if part.data and part not in files:
                files[part] = await self._upload(part, request, headers)
        return self.call(request, files)

    def call(self, request: ChatRequest, files: Uploaded | None = None) -> Call:
        """Return the call of a message."""
        body = request_body(request, files or {}, history=self._history, streamed=self._stream)
        return Call(endpoint(self.base_url, "/chat-messages"), body, self._stream)

    def reader(self, model: str, **more: Any) -> AnswerReader:
        """Return what reads one run."""
        return DifyAnswer(self.name, **more)

    async def stop(self, call: Call, running: Mapping[str, str]) -> None:
        """Stop a run; it is that user's alone to stop."""
        path = f"/chat-messages/{quote(running['task_id'], safe='')}/stop"
        body = {"user": call.body["user"]}
        await self.beside("POST", endpoint(self.base_url, path), body=body, headers=call.headers)

    async def _upload(self, file: Attachment, request: ChatRequest, headers: Mapping[str, str]) -> str:
        user = self.call(request).body["user"]
        url = endpoint(self.base_url, "/files/upload")
        doc = await self.beside("POST", url, form=multipart({"user": user}, file), headers=headers)
        if isinstance(doc, dict) and isinstance(found := doc.get("id"), str) and found:
            return found
        raise Overloaded(f"{self.name}: an upload without an id", code="garbage")
