"""Anthropic's Messages, and gateways that speak them.

Source: Anthropic API reference, "Messages", "Streaming Messages", "Errors", "Versions", "List Models".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from mindbot.domain.chat import ChatRequest
from mindbot.domain.host import Secrets
from mindbot.http.guard import endpoint
from mindbot.providers.settings.anthropic import AnthropicSettings
from mindbot.providers.shared.addresses import asking, versioned
from mindbot.providers.shared.answer import AnswerReader
from mindbot.providers.shared.client import Call, ModelClient
from mindbot.providers.shared.listing import names_of
from mindbot.providers.wires.anthropic_request import NEWEST, SAMPLING, VENDOR, request_body
from mindbot.providers.wires.anthropic_wire import AnthropicAnswer

_MOST_PAGES = 20  # of models, a thousand each


class AnthropicProvider(ModelClient):
    """See the module, and `ModelClient` for the arguments.

    ``api_version`` empty is the newest, or the last one that takes sampling where a temperature is sent.
    ``thinking`` are the tokens that a model may think before it answers, beside the longest answer; 0 forbids
    it, None leaves it to the model.
    """

    Settings = AnthropicSettings
    vendor: ClassVar[str] = VENDOR
    home: ClassVar[str] = "https://api.anthropic.com/v1"
    media: ClassVar[tuple[str, ...]] = (
        "image/jpeg", "image/png", "image/gif", "image/webp", "application/pdf", "application/json", "text/",
    )  # fmt: skip

    picture_bytes: ClassVar[int] = 5 << 20

    def __init__(self, name: str, *, api_version: str = "", thinking: int | None = None, **more: Any) -> None:
        super().__init__(name, **more)
        self._api_version = api_version
        self._thinking = thinking
        self._base = versioned(self.base_url, "v1")

    @classmethod
    def arguments(cls, settings: Any, secrets: Secrets) -> dict[str, Any]:
        """Return the client's arguments."""
        own = {"api_version": settings.api_version, "thinking": settings.thinking}
        return super().arguments(settings, secrets) | own

    async def auth(self, key: str) -> Mapping[str, str]:
        """Return the header that shows the key."""
        return {"x-api-key": key}

    def call(self, request: ChatRequest) -> Call:
        """Return the call of messages."""
        body = request_body(request, thinking=self._thinking)
        if self._api_version == NEWEST:
            body.pop("temperature", None)
        version = self._api_version or (SAMPLING if "temperature" in body else NEWEST)
        unsent = ("temperature",) if request.temperature is not None and "temperature" not in body else ()
        headers = {"anthropic-version": version}
        return Call(endpoint(self._base, "/messages"), body, request.stream, headers, unsent)

    def reader(self, model: str, **more: Any) -> AnswerReader:
        """Return what reads one message."""
        return AnthropicAnswer(self.name, **more)

    async def list_models(self) -> list[str]:
        """Return the models that the key may use; raises VendorError."""
        found: list[str] = []
        headers = {**await self._headers(), "anthropic-version": NEWEST}
        after = ""
        for _ in range(_MOST_PAGES):
            url = asking(endpoint(self._base, "/models"), limit="1000", after_id=after)
            doc = await self.exchange("GET", url, headers=headers)
            models = names_of(self.name, doc, "data", "id")
            found += models
            if not (models and doc.get("has_more")):
                break
            after = models[-1]
        return found
