"""The OpenAI-compatible provider against the shipped simulator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mindbot.config.models import ModelSettings
from mindbot.domain.ports.answering import Provider
from mindbot.domain.ports.http import Http
from mindbot.providers.openai import OpenAIProvider
from mindbot.sim.models.conversation import Scripted
from mindbot.sim.testing import simulated
from mindbot.testing.providers import KEY, Play, ProviderContract, ask, collect

FAULTS = {
    "": (),
    "bad_request": "400",
    "bad_key": "401",
    "no_model": "404",
    "rate_limited": "429:retry-after=7",
    "quota": "429:code=insufficient_quota",
    "context": "400:code=context_length_exceeded",
    "filtered": "400:code=content_filter",
    "server_error": "500",
    "proxy_page": "502:body=html",
    "garbage": "garbage",
    "hang": "hang",
    "cut": "cut-stream:after=5",
    "end_early": "end-early:after=5",
    "stall": "stall:after=5",
    "error_in_stream": "error-in-stream:after=5",
}


class TestOpenAI(ProviderContract):
    quirks: tuple[str, ...] = ()

    @asynccontextmanager
    async def vendor(self, play: Play) -> AsyncIterator[str]:
        fault = FAULTS[play.fault]
        faults = ((fault,) if isinstance(fault, str) else ()) + self.quirks
        async with simulated("openai", fault=faults, strict=True, api_key=KEY, model="gpt-4") as openai:
            if play.text or play.tool_calls:
                openai.script(Scripted(play.text, tool_calls=list(play.tool_calls), reasoning=play.reasoning))
            yield openai.base_url

    def provider(self, base_url: str, http: Http, timeout: float) -> Provider:
        return OpenAIProvider(
            "acme",
            http=http,
            base_url=base_url,
            api_key=KEY,
            models=[ModelSettings(name="gpt-4", images=True)],
            timeout=timeout,
            total=60,
        )

    async def test_reasoning_is_kept(self) -> None:
        async with self.playing(Play(text="42", reasoning="six times seven")) as (provider, _):
            answer = await collect(provider, ask(stream=True))
        assert "".join(chunk.reasoning for chunk in answer.chunks) == "six times seven"
        assert answer.last.usage.reasoning_tokens > 0


@pytest.mark.full
class TestOpenAIShredded(TestOpenAI):
    """The same with streams cut inside characters, CR LF, keep-alive comments and no end marker."""

    quirks = ("split", "crlf", "comments", "no-done")


@pytest.mark.anyio
async def test_the_vendor_gets_what_its_reference_asks_for() -> None:
    from mindbot.http.client import HttpClient

    async with simulated("openai") as openai, HttpClient() as http:
        model = ModelSettings(name="gpt-4", max_tokens=100, temperature=0.5)
        provider = OpenAIProvider(
            "acme",
            http=http,
            base_url=openai.base_url + "/",
            api_key=f" {KEY}\n",
            models=[model],
            max_tokens_field="max_completion_tokens",
        )
        await collect(provider, ask("a", stream=True))
        await collect(provider, ask("b", model="other", temperature=0.0, max_tokens=7, user="u1"))
        await collect(provider, ask("c", model="gpt-4"))
    first, second, third = openai.requests
    assert first.headers["authorization"] == f"Bearer {KEY}"
    assert first.body["stream_options"] == {"include_usage": True}
    assert [m["role"] for m in first.body["messages"]] == ["system", "user"]
    assert (first.body["model"], first.body["max_completion_tokens"]) == ("gpt-4", 100)
    assert "stream" not in second.body
    assert (second.body["model"], second.body["temperature"], second.body["user"]) == ("other", 0.0, "u1")
    assert second.body["max_completion_tokens"] == 7
    assert (third.body["temperature"], third.body["max_completion_tokens"]) == (0.5, 100)
