"""The services that speak OpenAI's wire in their own way, against the simulator's faces."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mindbot.config.models import ModelSettings
from mindbot.domain.chat import Attachment
from mindbot.domain.errors import (
    AuthFailed,
    ContentFiltered,
    ContextOverflow,
    Overloaded,
    QuotaExceeded,
    RateLimited,
    Rejected,
    VendorError,
)
from mindbot.http.client import HttpClient
from mindbot.providers.openai import OpenAIProvider
from mindbot.providers.wires.openai_faces import face_of
from mindbot.sim.models.conversation import Scripted
from mindbot.sim.testing import simulated
from mindbot.testing.models.rig import TOOL, results, said
from mindbot.testing.providers import KEY, ask, collect

pytestmark = pytest.mark.anyio

NAMES = ["openrouter", "deepseek", "siliconflow", "moonshot", "azure", "vllm"]
faces = pytest.mark.parametrize("name", NAMES)
streamed = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


@asynccontextmanager
async def served(
    name: str, *replies: Scripted, fault: str = "", base_url: str = "", **sim: Any
) -> AsyncIterator[tuple[Any, OpenAIProvider]]:
    settings = {"strict": True, "api_key": KEY, "face": name, **sim}
    async with simulated("openai", fault=fault or (), **settings) as openai, HttpClient() as http:
        openai.script(*replies)
        yield (
            openai,
            OpenAIProvider(
                name,
                http=http,
                base_url=openai.origin + base_url if base_url else openai.base_url,
                api_key=KEY,
                face=face_of(name, ""),
                models=[ModelSettings(name="sim-1")],
            ),
        )


@faces
@streamed
async def test_answers_with_its_usage(name: str, stream: bool) -> None:
    async with served(name, Scripted("42", reasoning="six times seven", cached=3)) as (_, provider):
        answer = await collect(provider, ask(stream=stream, temperature=0.5, max_tokens=50, user="u1"))
    assert (answer.text, answer.last.finish) == ("42", "stop")
    thought = "".join(chunk.reasoning for chunk in answer.chunks)
    assert thought == ("" if name == "azure" else "six times seven")
    usage = answer.last.usage
    assert usage is not None
    assert (usage.input_tokens > 0, usage.output_tokens > 0, usage.cached_tokens) == (True, True, 3)
    assert ((usage.cost or 0) > 0, usage.currency) == (name == "openrouter", "USD" * (name == "openrouter"))
    assert "unsent" not in answer.last.notes


@faces
@streamed
async def test_tools_go_round(name: str, stream: bool) -> None:
    call = {"id": "c1", "name": "weather", "arguments": '{"city": "北京"}'}
    async with served(name, Scripted(tool_calls=[call], reasoning="hm")) as (openai, provider):
        request = ask("weather?", stream=stream, tools=(TOOL,))
        answer = await collect(provider, request)
        assert answer.last.finish == "tool_calls"
        assert [json.loads(each.arguments) for each in answer.last.tool_calls] == [{"city": "北京"}]
        request.messages += [said(answer), *results(answer, "sunny")]
        after = await collect(provider, request)
    assert "sunny" in after.text
    back = [line.get("reasoning_content") for line in openai.requests[1].body["messages"]]
    assert ("hm" in back) == (name in ("deepseek", "moonshot"))


ERRORS: dict[str, tuple[str, type[VendorError]]] = {
    "key": ("401", AuthFailed),
    "money": ("429:code=insufficient_quota", QuotaExceeded),
    "rate": ("429", RateLimited),
    "length": ("400:code=context_length_exceeded", ContextOverflow),
    "filter": ("400:code=content_filter", ContentFiltered),
    "model": ("404", Rejected),
    "server": ("500", Overloaded),
}


@faces
@pytest.mark.parametrize("error", ERRORS)
async def test_refusals_in_its_words(name: str, error: str) -> None:
    fault, kind = ERRORS[error]
    if (name, error) == ("vllm", "money"):
        pytest.skip("nobody pays a server of one's own")
    async with served(name, fault=fault) as (openai, provider):
        with pytest.raises(VendorError) as caught:
            await collect(provider, ask())
    assert type(caught.value) is kind
    assert KEY not in str(caught.value)
    assert openai.counters["requests"] == 1


async def test_azure_is_asked_by_the_address_of_the_resource() -> None:
    async with served("azure", base_url="/") as (openai, provider):
        assert (await collect(provider, ask("hi"))).text == "echo: hi"
    asked = openai.requests[0]
    assert asked.path == "/openai/deployments/sim-1/chat/completions"
    assert asked.query == {"api-version": "2024-10-21"}
    assert asked.headers["api-key"] == KEY
    assert "authorization" not in asked.headers


async def test_what_stands_beside_chats() -> None:
    sound = Attachment("audio", "audio/mpeg", data=b"ID3" * 10)
    async with served("openai", base_url="/v1") as (openai, provider):
        assert "sim-1" in await provider.list_models()
        assert await provider.transcribe(sound, model="sim-speech-1") == "heard: audio.mp3 (30 bytes)"
        found = await provider.embed(["a", "b"], model="sim-embedding-1", dimensions=64)
        assert [len(vector) for vector in found.vectors] == [64, 64]
        texts = ["the weather in Bonn", "cakes", "nothing"]
        best = await provider.rerank("how is the weather?", texts, model="sim-rerank-1", most=2)
        assert (best[0].index, len(best)) == (0, 2)
    assert [r.path for r in openai.requests] == [
        "/v1/models",
        "/v1/audio/transcriptions",
        "/v1/embeddings",
        "/v1/rerank",
    ]
