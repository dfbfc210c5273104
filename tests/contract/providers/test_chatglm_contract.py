"""GLM against its simulator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mindbot.config.models import ModelSettings
from mindbot.domain.errors import ContentFiltered, Overloaded, QuotaExceeded, RateLimited, Rejected
from mindbot.domain.ports.answering import Provider
from mindbot.domain.ports.http import Http
from mindbot.http.client import HttpClient
from mindbot.providers.chatglm import ChatGLMProvider
from mindbot.sim.models.conversation import Scripted
from mindbot.sim.testing import simulated
from mindbot.testing.providers import KEY, Play, ProviderContract, ask, collect

FAULTS = {
    "bad_request": "400",
    "bad_key": "401",
    "no_model": "1211",
    "rate_limited": "429:retry-after=7",
    "quota": "1113",
    "context": "1261",
    "filtered": "1301",
    "server_error": "500",
    "proxy_page": "502:body=html",
    "garbage": "garbage",
    "hang": "hang",
    "cut": "cut-stream:after=5",
    "end_early": "end-early:after=5",
    "stall": "stall:after=5",
    "error_in_stream": "error-in-stream:after=5",
}


class TestChatGLM(ProviderContract):
    quirks: tuple[str, ...] = ()

    @asynccontextmanager
    async def vendor(self, play: Play) -> AsyncIterator[str]:
        faults = ((FAULTS[play.fault],) if play.fault else ()) + self.quirks
        async with simulated("chatglm", fault=faults, strict=True, api_key=KEY, model="glm-5.3") as glm:
            if play.text or play.tool_calls:
                glm.script(Scripted(play.text, tool_calls=list(play.tool_calls), reasoning=play.reasoning))
            yield glm.base_url

    def provider(self, base_url: str, http: Http, timeout: float) -> Provider:
        return ChatGLMProvider(
            "zhipu",
            http=http,
            base_url=base_url,
            api_key=KEY,
            models=[ModelSettings(name="glm-5.3", images=True)],
            timeout=timeout,
            total=60,
        )


@pytest.mark.full
class TestChatGLMShredded(TestChatGLM):
    quirks = ("split", "crlf", "comments")


@asynccontextmanager
async def glm(*replies: Scripted, fault: str = "", **more: Any) -> AsyncIterator[tuple[Any, ChatGLMProvider]]:
    async with simulated("chatglm", fault=fault or (), strict=True) as sim, HttpClient() as http:
        sim.script(*replies)
        models = [ModelSettings(name="glm-5.3"), ModelSettings(name="embedding-3")]
        key = sim.settings.api_key
        yield (
            sim,
            ChatGLMProvider("zhipu", http=http, base_url=sim.base_url, api_key=key, models=models, **more),
        )


pytestmark = [pytest.mark.anyio, pytest.mark.full]


@pytest.mark.parametrize("jwt", [False, True])
async def test_the_key_is_shown_as_it_is_or_as_a_token(jwt: bool) -> None:
    async with glm(jwt=jwt) as (sim, provider):
        assert (await collect(provider, ask("hi"))).text == "echo: hi"
    assert sim.counters["key.jwt" if jwt else "key.plain"] == 1


async def test_temperatures_at_the_ends_are_taken() -> None:
    async with glm() as (_, provider):
        for temperature in (0.0, 1.0, 1.7):
            assert (await collect(provider, ask("hi", temperature=temperature))).text == "echo: hi"


@pytest.mark.parametrize("stream", [False, True])
async def test_why_an_answer_ends(stream: bool) -> None:
    replies = [
        Scripted("so far", finish="sensitive"),
        Scripted("so far", finish="model_context_window_exceeded"),
        Scripted("so far", finish="something_new"),
    ]
    async with glm(*replies) as (_, provider):
        answers = [(await collect(provider, ask(stream=stream))).last for _ in replies]
    assert [last.finish for last in answers] == ["content_filter", "length", "other"]
    assert answers[2].finish_word == "something_new"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_failure_that_ends_an_answer_is_one(stream: bool) -> None:
    async with glm(Scripted("so far", finish="network_error")) as (_, provider):
        with pytest.raises(Overloaded, match="network_error"):
            await collect(provider, ask(stream=stream))


async def test_an_answer_that_is_filtered_before_its_first_word() -> None:
    async with glm(Scripted("", finish="sensitive")) as (_, provider):
        with pytest.raises(ContentFiltered):
            await collect(provider, ask(stream=True))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("1302", RateLimited),
        ("1303", RateLimited),
        ("1305", RateLimited),
        ("1304", QuotaExceeded),
        ("1308", QuotaExceeded),
        ("1310", QuotaExceeded),
        ("1210", Rejected),
        ("1231", Rejected),
        ("1230", Overloaded),
        ("1234", Overloaded),
    ],
)
async def test_codes_mean_what_the_page_says(code: str, kind: type[Exception]) -> None:
    async with glm(fault=code) as (_, provider):
        with pytest.raises(kind) as caught:
            await collect(provider, ask())
    assert type(caught.value) is kind


async def test_thinking_is_asked_for_and_told_apart() -> None:
    async with glm(thinking=True) as (_, provider):
        answer = await collect(provider, ask("why?", stream=True))
        assert answer.last.usage is not None
    assert answer.text == "echo: why?"
    assert "".join(chunk.reasoning for chunk in answer.chunks) == "The user says: why?"


async def test_vectors_and_models() -> None:
    async with glm() as (sim, provider):
        assert "glm-5.3" in await provider.list_models()
        found = await provider.embed([f"text {n}" for n in range(130)], model="embedding-3", dimensions=256)
    assert [len(found.vectors), len(found.vectors[0])] == [130, 256]
    assert sim.counters["embeddings"] == 3


async def test_a_base_url_that_is_none_is_no_wrong_key() -> None:
    async with simulated("chatglm", strict=True, api_key=KEY) as sim, HttpClient() as http:
        root = sim.base_url.partition("/api/")[0]
        provider = ChatGLMProvider("glm", http=http, base_url=f"{root}/v4", api_key=KEY)
        with pytest.raises(Rejected) as caught:
            await collect(provider, ask())
    assert caught.value.code == "1222" and "base URL" in caught.value.hint
