"""Ollama's own API against its simulator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mindbot.config.models import ModelSettings
from mindbot.domain.chat import ChatMessage, ChatRequest
from mindbot.domain.errors import ContextOverflow, Overloaded, RateLimited, Rejected
from mindbot.domain.ports.answering import Provider
from mindbot.domain.ports.http import Http
from mindbot.http.client import HttpClient
from mindbot.providers.ollama import Ollama, OllamaProvider
from mindbot.providers.openai import OpenAIProvider
from mindbot.providers.settings.ollama import OllamaSettings
from mindbot.sim.models.conversation import Scripted
from mindbot.sim.testing import simulated
from mindbot.testing.providers import KEY, Play, ProviderContract, ask, collect

FAULTS = {
    "bad_request": "400",
    "bad_key": "401",
    "no_model": "404",
    "rate_limited": "429:retry-after=7",
    "context": "context",
    "server_error": "500",
    "proxy_page": "502:body=html",
    "garbage": "garbage",
    "hang": "hang",
    "cut": "cut-stream:after=5",
    "end_early": "end-early:after=5",
    "stall": "stall:after=5",
    "error_in_stream": "error-in-stream:after=5",
}


class TestOllama(ProviderContract):
    quirks: tuple[str, ...] = ()
    more: dict[str, Any] = {}  # noqa: RUF012 - not changed
    unheard_of = frozenset({"quota", "filtered"})

    @asynccontextmanager
    async def vendor(self, play: Play) -> AsyncIterator[str]:
        faults = ((FAULTS[play.fault],) if play.fault else ()) + self.quirks
        more = {"strict": True, "cloud": True, "api_key": KEY, **self.more}
        async with simulated("ollama", fault=faults, **more) as ollama:
            if play.text or play.tool_calls:
                ollama.script(Scripted(play.text, tool_calls=list(play.tool_calls), reasoning=play.reasoning))
            yield ollama.base_url

    def provider(self, base_url: str, http: Http, timeout: float) -> Provider:
        return OllamaProvider(
            "local",
            http=http,
            base_url=base_url,
            api_key=KEY,
            models=[ModelSettings(name="sim-1", images=True)],
            timeout=timeout,
            total=60,
        )


@pytest.mark.full
class TestOlderOllamaShredded(TestOllama):
    """The same of a build whose calls have no ids, in pieces that respect nothing."""

    quirks = ("split", "crlf")
    more = {"call_ids": False}  # noqa: RUF012


@asynccontextmanager
async def ollama(
    *replies: Scripted, fault: str = "", sim: dict[str, Any] | None = None, **more: Any
) -> AsyncIterator[tuple[Any, OllamaProvider]]:
    async with simulated("ollama", fault=fault or (), strict=True, **(sim or {})) as server:
        server.script(*replies)
        async with HttpClient() as http:
            models = [ModelSettings(name="sim-1", max_context=8192)]
            yield server, OllamaProvider("local", http=http, base_url=server.base_url, models=models, **more)


pytestmark = pytest.mark.anyio


async def test_a_broken_line_costs_no_answer() -> None:
    async with ollama(fault="bad-line:after=2") as (_, provider):
        answer = await collect(provider, ask("how are you?", stream=True))
    assert answer.text == "echo: how are you?"
    assert answer.last.notes == {"unread": 1}


async def test_what_a_request_holds() -> None:
    async with ollama(more={"think": True, "keep_alive": -1}) as (server, provider):
        answer = await collect(provider, ask("why?", temperature=0.0, max_tokens=50))
        await collect(provider, ask("why?", stream=True, tool_choice="none", tools=()))
    first, second = server.requests
    assert first.body["options"] == {"num_ctx": 8192, "num_predict": 50, "temperature": 0.0}
    assert (first.body["stream"], first.body["truncate"]) == (False, False)
    assert (first.body["think"], first.body["keep_alive"]) == (True, -1)
    assert second.body["stream"] is True
    assert "".join(chunk.reasoning for chunk in answer.chunks) == "The user says: why?"


async def test_a_prompt_that_does_not_fit_is_refused_and_not_cut() -> None:
    lines = [ChatMessage("user", "word " * 9000)]
    async with ollama() as (_, provider):
        with pytest.raises(ContextOverflow):
            await collect(provider, ChatRequest(lines))


@pytest.mark.parametrize("reason", ["load", "unload"])
async def test_a_model_that_was_only_loaded_has_not_answered(reason: str) -> None:
    async with ollama(Scripted("", finish=reason)) as (_, provider):
        with pytest.raises(Overloaded, match=reason):
            await collect(provider, ask())


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ("busy", RateLimited, "maximum pending requests"),
        ("memory", Rejected, "system memory"),
        ("no-tools", Rejected, "does not support tools"),
        ("not-pulled", Rejected, "try pulling it"),
    ],
)
async def test_sentences_mean_what_they_say(fault: str, kind: type[Exception], words: str) -> None:
    async with ollama(fault=fault) as (_, provider):
        with pytest.raises(kind, match=words) as caught:
            await collect(provider, ask())
    assert type(caught.value) is kind


async def test_a_cached_prompt_is_not_counted() -> None:
    async with ollama(Scripted("hi", cached=5)) as (_, provider):
        answer = await collect(provider, ask(stream=True))
    assert answer.last.usage is not None
    assert (answer.last.usage.input_tokens, answer.last.usage.output_tokens) == (0, 1)


@pytest.mark.parametrize("stream", [False, True])
async def test_lines_that_say_nothing_are_passed_over(stream: bool) -> None:
    async with ollama(Scripted("one two three four five"), fault="odd-events") as (_, provider):
        answer = await collect(provider, ask(stream=stream))
    assert answer.text == "one two three four five"


async def test_vectors_and_models() -> None:
    async with ollama() as (server, provider):
        assert await provider.list_models() == ["sim-1", "sim-embedding-1"]
        texts = [f"text {n}" for n in range(300)]
        found = await provider.embed(texts, model="sim-embedding-1")
        assert (len(found.vectors), len(found.vectors[0])) == (300, 256)
        assert found.usage is not None
        assert found.usage.input_tokens > 300
    assert server.counters["embed"] == 2


async def test_its_other_face_is_known_by_the_base_url() -> None:
    class NoSecrets:
        async def aget(self, value: object, /) -> str:
            return ""

    def built(base_url: str) -> OllamaProvider | OpenAIProvider:
        settings = OllamaSettings(type="ollama", base_url=base_url, keep_alive="-1", think="high")
        return Ollama.build("local", settings, http, NoSecrets())

    async with HttpClient() as http:
        for base_url in ("", "http://10.0.0.1:11434", "http://10.0.0.1:11434/api/"):
            native = built(base_url)
            assert isinstance(native, OllamaProvider)
            call = native.call(ask())
            assert call.url.endswith(":11434/api/chat")
            assert (call.body["think"], call.body["keep_alive"]) == ("high", -1)
            assert native.timeout == 300
        assert isinstance(built("http://10.0.0.1:11434/v1/"), OpenAIProvider)
