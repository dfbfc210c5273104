"""Ollama by its own API; a base URL that ends in ``/v1`` is its OpenAI face, and asked as such.

Source: ollama/ollama, docs/api.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import urlsplit

from mindbot.config.models import ProviderSettings
from mindbot.domain.chat import ChatRequest
from mindbot.domain.host import Secrets
from mindbot.domain.message import Json
from mindbot.domain.ports.answering import Embedding
from mindbot.domain.ports.http import Http
from mindbot.http.guard import endpoint
from mindbot.providers.openai import OpenAIProvider
from mindbot.providers.settings.ollama import OllamaSettings
from mindbot.providers.shared.answer import AnswerReader
from mindbot.providers.shared.client import Call
from mindbot.providers.shared.embedding import Embeds
from mindbot.providers.shared.listing import names_of
from mindbot.providers.wires.ollama_wire import OllamaAnswer, request_body, vectors


class OllamaProvider(Embeds):
    """See the module, and `ModelClient` for the arguments. ``num_ctx`` 0 is what the model's entry says.

    ``more`` are fields that go with every request: ``think``, ``keep_alive``.
    """

    Settings = OllamaSettings
    vendor: ClassVar[str] = "ollama"
    home: ClassVar[str] = "http://127.0.0.1:11434"
    fetches: ClassVar[bool] = False

    def __init__(
        self, name: str, *, num_ctx: int = 0, more: Mapping[str, Any] | None = None, **rest: Any
    ) -> None:
        super().__init__(name, **rest)
        self._num_ctx = num_ctx
        self._more = more or {}

    @classmethod
    def arguments(cls, settings: ProviderSettings, secrets: Secrets) -> dict[str, Any]:
        """Return the client's arguments."""
        assert isinstance(settings, OllamaSettings)
        more: Json = {} if settings.think is None else {"think": settings.think}
        if alive := settings.keep_alive:
            more["keep_alive"] = int(alive) if alive.lstrip("-").isdigit() else alive
        return super().arguments(settings, secrets) | {"num_ctx": settings.num_ctx, "more": more}

    def call(self, request: ChatRequest) -> Call:
        """Return the call of a chat."""
        settings = self._models.get(request.model)
        context = self._num_ctx or (settings.max_context if settings else 0) or 0
        body = request_body(request, num_ctx=context, more=self._more)
        return Call(self._url("/api/chat"), body, request.stream)

    def reader(self, model: str, **more: Any) -> AnswerReader:
        """Return what reads one answer."""
        return OllamaAnswer(self.name, **more)

    async def list_models(self) -> list[str]:
        """Return the names of the models that are on that machine; raises VendorError."""
        return names_of(self.name, await self.exchange("GET", self._url("/api/tags")), "models", "name")

    async def embed_once(self, texts: Sequence[str], model: str, dimensions: int) -> Embedding:
        """Ask for the vectors of one batch; see `Embeds`."""
        body: Json = {"model": model, "input": list(texts), "truncate": False}
        if dimensions:
            body["dimensions"] = dimensions
        return vectors(await self.exchange("POST", self._url("/api/embed"), body=body))

    def _url(self, path: str) -> str:
        base = self.base_url.rstrip("/").removesuffix("/api")
        return endpoint(base, path)


class Ollama:
    """The type `ollama`: whichever face its base URL names."""

    Settings = OllamaSettings

    @staticmethod
    def build(name: str, settings: Any, http: Http, secrets: Secrets) -> OllamaProvider | OpenAIProvider:
        """Make the provider of an entry."""
        openai = urlsplit(settings.base_url).path.rstrip("/").endswith("/v1")
        kind: type[OllamaProvider | OpenAIProvider] = OpenAIProvider if openai else OllamaProvider
        return kind.build(name, settings, http, secrets)
