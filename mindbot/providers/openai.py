"""OpenAI and every server that speaks its chat completions: vLLM, llama.cpp, LM Studio and more.

Source: OpenAI API reference, "Chat completions", "Streaming" and "Error codes".
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from mindbot.config.models import ProviderSettings
from mindbot.domain.chat import ChatRequest
from mindbot.domain.host import Secrets
from mindbot.http.guard import endpoint
from mindbot.providers.answer import AnswerReader
from mindbot.providers.client import Call, ModelClient
from mindbot.providers.openai_request import Accent, LimitField, request_body
from mindbot.providers.openai_settings import OpenAISettings
from mindbot.providers.openai_wire import OpenAIAnswer


class OpenAIProvider(ModelClient):
    """See the module, and `ModelClient` for the arguments.

    ``max_tokens_field`` is what the server calls the longest answer.
    """

    Settings = OpenAISettings
    vendor: ClassVar[str] = "openai"
    home: ClassVar[str] = "https://api.openai.com/v1"
    accent: ClassVar[Accent] = Accent()

    def __init__(self, name: str, *, max_tokens_field: LimitField = "max_tokens", **more: Any) -> None:
        super().__init__(name, **more)
        self._url = endpoint(self.base_url, "/chat/completions")
        self._max_tokens_field = max_tokens_field

    @classmethod
    def arguments(cls, settings: ProviderSettings, secrets: Secrets) -> dict[str, Any]:
        """Return the client's arguments."""
        field: LimitField = settings.max_tokens_field
        if "max_tokens_field" not in settings.model_fields_set and not settings.base_url:
            field = "max_completion_tokens"  # OpenAI's reasoning models refuse the old name
        return super().arguments(settings, secrets) | {"max_tokens_field": field}

    def call(self, request: ChatRequest) -> Call:
        """Return the call of chat completions."""
        accent = replace(self.accent, max_tokens_field=self._max_tokens_field)
        return Call(self._url, request_body(request, accent), request.stream)

    def reader(self, model: str, **more: Any) -> AnswerReader:
        """Return what reads one chat completion."""
        return OpenAIAnswer(self.name, **more)
