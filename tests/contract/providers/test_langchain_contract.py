"""A provider as LangChain's chat model, and that model as a provider again: nothing is lost on the way."""

from __future__ import annotations

import pytest
from test_openai_contract import TestOpenAI as OfOpenAI

from mindbot.domain.ports.answering import Provider
from mindbot.domain.ports.http import Http
from mindbot.providers.langchain.model import ProviderChatModel
from mindbot.providers.langchain.provider import LangChainProvider
from mindbot.providers.langchain.settings import LangChainProviderSettings


class NoSecrets:
    """Of a model that holds its key itself."""

    async def aget(self, value: object, /) -> str:
        raise AssertionError("nobody asks for a key")


@pytest.mark.full
class TestThereAndBack(OfOpenAI):
    def provider(self, base_url: str, http: Http, timeout: float) -> Provider:
        inner = super().provider(base_url, http, timeout)
        settings = LangChainProviderSettings(
            chat_model="mindbot:Model",
            models=[{"name": "gpt-4", "images": True}],
            timeout=timeout,
        )
        model = ProviderChatModel(ask=inner.chat)
        return LangChainProvider("acme", lambda name, key: model, settings, NoSecrets())
