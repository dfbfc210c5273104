"""Google's Gemini, and whoever speaks its generateContent.

Source: Google AI for Developers, API reference, "Generating content", "Models", "Embeddings".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import quote

from mindbot.domain.chat import ChatRequest
from mindbot.domain.host import Secrets
from mindbot.domain.message import Json
from mindbot.domain.ports.answering import Embedding
from mindbot.http.guard import endpoint
from mindbot.providers.settings.gemini import GoogleSettings
from mindbot.providers.shared.addresses import asking, versioned
from mindbot.providers.shared.answer import AnswerReader
from mindbot.providers.shared.client import Call, ModelClient
from mindbot.providers.shared.embedding import Embeds
from mindbot.providers.shared.listing import names_of
from mindbot.providers.wires.gemini_request import VENDOR, request_body
from mindbot.providers.wires.gemini_wire import GeminiAnswer, vectors

_MOST_PAGES = 20  # of models, a thousand each


class GoogleProvider(Embeds, ModelClient):
    """See the module, and `ModelClient` for the arguments.

    ``thinking`` are the tokens that a model may think before it answers; 0 forbids it, None leaves it to the
    model. Files and pictures are sent along: Gemini fetches from nowhere but Google's own storage.
    """

    Settings = GoogleSettings
    vendor: ClassVar[str] = VENDOR
    home: ClassVar[str] = "https://generativelanguage.googleapis.com/v1beta"
    fetches: ClassVar[bool] = False
    media: ClassVar[tuple[str, ...]] = (
        "image/png", "image/jpeg", "image/webp", "image/heic", "image/heif", "application/pdf", "text/",
        "audio/", "video/",
    )  # fmt: skip

    most_texts: ClassVar[int] = 100

    def __init__(self, name: str, *, thinking: int | None = None, **more: Any) -> None:
        super().__init__(name, **more)
        self._thinking = thinking
        self._base = versioned(self.base_url, "v1beta")

    @classmethod
    def arguments(cls, settings: Any, secrets: Secrets) -> dict[str, Any]:
        """Return the client's arguments."""
        return super().arguments(settings, secrets) | {"thinking": settings.thinking}

    async def auth(self, key: str) -> Mapping[str, str]:
        """Return the header that shows the key."""
        return {"x-goog-api-key": key}

    def call(self, request: ChatRequest) -> Call:
        """Return the call of generateContent; a stream is another method."""
        system_role = self.capabilities(request.model).system_role
        body = request_body(request, thinking=self._thinking, system_role=system_role)
        if not request.stream:
            return Call(self._method(request.model, "generateContent"), body, streamed=False)
        url = asking(self._method(request.model, "streamGenerateContent"), alt="sse")  # or it is one array
        return Call(url, body, streamed=True)

    def reader(self, model: str, **more: Any) -> AnswerReader:
        """Return what reads one answer."""
        return GeminiAnswer(self.name, **more)

    async def list_models(self) -> list[str]:
        """Return the models that the key may use; raises VendorError."""
        found: list[str] = []
        after = ""
        for _ in range(_MOST_PAGES):
            url = asking(endpoint(self._base, "/models"), pageSize="1000", pageToken=after)
            doc = await self.exchange("GET", url)
            found += [name.removeprefix("models/") for name in names_of(self.name, doc, "models", "name")]
            after = doc.get("nextPageToken") or ""
            if not after or not isinstance(after, str):
                break
        return found

    async def embed_once(self, texts: Sequence[str], model: str, dimensions: int) -> Embedding:
        """Ask for the vectors of one batch; see `Embeds`."""
        each: Json = {"model": _resource(model)}
        if dimensions:
            each["outputDimensionality"] = dimensions
        requests = [{**each, "content": {"parts": [{"text": text}]}} for text in texts]
        doc = await self.exchange(
            "POST", self._method(model, "batchEmbedContents"), body={"requests": requests}
        )
        return vectors(doc)

    def _method(self, model: str, method: str) -> str:
        """Return the address of a model's method."""
        kind, _, name = _resource(model).partition("/")
        return endpoint(self._base, f"/{kind}/{quote(name, safe='')}:{method}")


def _resource(model: str) -> str:
    """Return a model as Google names it; tuned ones have a name of another kind."""
    return model if model.startswith(("models/", "tunedModels/")) else f"models/{model}"
