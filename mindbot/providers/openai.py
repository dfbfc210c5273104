"""OpenAI and every server that speaks its chat completions: vLLM, llama.cpp, LM Studio, several clouds.

Source: OpenAI API reference, "Chat completions", "Streaming", "Error codes", "Models", "Embeddings", "Create
transcription"; reranking as Jina, SiliconFlow, vLLM and others have it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

from mindbot.config.models import ProviderSettings
from mindbot.domain.chat import Attachment, ChatRequest
from mindbot.domain.host import Secrets
from mindbot.domain.message import Json
from mindbot.domain.ports.answering import Embedding, Rank
from mindbot.domain.ports.http import Http
from mindbot.providers.openai_others import ranked, rerank_body, speech_form, transcript, vectors
from mindbot.providers.settings.openai import AzureSettings, CloudSettings, OpenAISettings
from mindbot.providers.shared.answer import AnswerReader
from mindbot.providers.shared.client import Call, ModelClient
from mindbot.providers.shared.embedding import Embeds
from mindbot.providers.shared.listing import names_of
from mindbot.providers.shared.uploads import multipart
from mindbot.providers.wires.openai_faces import OPENAI, Face, face_of
from mindbot.providers.wires.openai_request import Accent, LimitField, request_body
from mindbot.providers.wires.openai_wire import OpenAIAnswer


class OpenAIProvider(Embeds, ModelClient):
    """See the module, and `ModelClient` for the arguments.

    ``max_tokens_field`` is what the server calls the longest answer, ``face`` which service it is (None: as
    the base URL tells), ``api_version`` what Azure is asked for.
    """

    Settings: ClassVar[type[ProviderSettings]] = OpenAISettings
    vendor: ClassVar[str] = "openai"
    most_texts: ClassVar[int] = 2048

    def __init__(
        self,
        name: str,
        *,
        max_tokens_field: LimitField = "max_tokens",
        face: Face | None = None,
        api_version: str = "",
        base_url: str = "",
        **more: Any,
    ) -> None:
        self.face = face or face_of("", base_url)
        super().__init__(name, base_url=base_url or self.face.home, **more)
        self._version = api_version
        self._accent = replace(self.face.accent, max_tokens_field=max_tokens_field)

    @classmethod
    def build(cls, name: str, settings: Any, http: Http, secrets: Secrets) -> Self:
        """Make the provider of an entry; the service is known by its type."""
        face = face_of(settings.type or name, settings.base_url)
        return cls(name, http=http, face=face, **cls.arguments(settings, secrets, face))

    @classmethod
    def arguments(cls, settings: ProviderSettings, secrets: Secrets, face: Face = OPENAI) -> dict[str, Any]:
        """Return the client's arguments."""
        field: LimitField = settings.max_tokens_field
        if "max_tokens_field" not in settings.model_fields_set and not settings.base_url and face is OPENAI:
            field = "max_completion_tokens"  # OpenAI's reasoning models refuse the old name
        version = getattr(settings, "api_version", "")
        return super().arguments(settings, secrets) | {"max_tokens_field": field, "api_version": version}

    async def auth(self, key: str) -> Mapping[str, str]:
        """Return the header that shows the key to this service."""
        return self.face.auth(key)

    @property
    def accent(self) -> Accent:
        """How this service's requests differ."""
        return self._accent

    def call(self, request: ChatRequest) -> Call:
        """Return the call of chat completions."""
        body = request_body(request, self.accent)
        return Call(self._url("/chat/completions", request.model), body, request.stream, self.face.headers)

    def reader(self, model: str, **more: Any) -> AnswerReader:
        """Return what reads one chat completion."""
        keeps = self.accent.vendor if self.accent.thinking_back else ""
        return OpenAIAnswer(self.name, keeps=keeps, **more)

    async def list_models(self) -> list[str]:
        """Return the names of the models that the service tells of; raises VendorError."""
        doc = await self.exchange("GET", self._url("/models", ""))
        return names_of(self.name, doc, "data", "id")

    async def embed_once(self, texts: Sequence[str], model: str, dimensions: int) -> Embedding:
        """Ask for the vectors of one batch; see `Embeds`."""
        body: Json = {"model": model, "input": list(texts), "encoding_format": "float"}
        if dimensions:
            body["dimensions"] = dimensions
        return vectors(await self.exchange("POST", self._url("/embeddings", model), body=body))

    async def transcribe(self, sound: Attachment, *, model: str = "", language: str = "") -> str:
        """Return what is said in a recording; raises VendorError, and `Rejected` for one without bytes."""
        fields, file = await speech_form(self.name, sound, model=model or self.default, language=language)
        doc = await self.exchange(
            "POST", self._url("/audio/transcriptions", fields["model"]), form=multipart(fields, file)
        )
        return transcript(self.name, doc)

    async def rerank(
        self, question: str, texts: Sequence[str], *, model: str = "", most: int = 0
    ) -> list[Rank]:
        """Return the places of the texts that answer a question best; raises VendorError."""
        if not texts:
            return []
        body = rerank_body(model or self.default, question, texts, most)
        doc = await self.exchange("POST", self._url("/rerank", body["model"]), body=body)
        return ranked(self.name, doc, len(texts), most)

    def _url(self, path: str, model: str) -> str:
        return self.face.url(self.base_url, path, model, self._version)


class CloudProvider(OpenAIProvider):
    """A service that is known by its type, and asks for a key wherever it runs."""

    Settings: ClassVar[type[ProviderSettings]] = CloudSettings


class AzureProvider(OpenAIProvider):
    """Azure OpenAI."""

    Settings: ClassVar[type[ProviderSettings]] = AzureSettings
