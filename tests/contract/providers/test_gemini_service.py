"""Gemini's own ways, against the shipped simulator: signatures, blocks, quotas, models, vectors."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mindbot.config.models import ModelSettings
from mindbot.domain.chat import (
    Attachment,
    ChatMessage,
    ChatRequest,
    Reasoning,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from mindbot.domain.errors import (
    AuthFailed,
    ContentFiltered,
    ContextOverflow,
    HistoryRefused,
    NetworkFailed,
    Overloaded,
    QuotaExceeded,
    RateLimited,
    Rejected,
    Truncated,
    VendorError,
)
from mindbot.http.client import HttpClient
from mindbot.providers.gemini import GoogleProvider
from mindbot.sim.gemini.refusals import REFUSALS
from mindbot.sim.gemini.server import GeminiSimulator
from mindbot.sim.models.conversation import Scripted
from mindbot.sim.testing import simulated
from mindbot.testing.models.rig import DOT, TOOL, ask, collect, results, said, streamed

pytestmark = pytest.mark.anyio
KEY = "AIza-simulated"
MODEL = "gemini-3-flash"


@asynccontextmanager
async def asking(
    fault: str | Sequence[str] = (), model: dict[str, Any] | None = None, path: str = "", **more: Any
) -> AsyncIterator[tuple[GeminiSimulator, GoogleProvider]]:
    async with simulated("gemini", fault=fault, strict=True, model=MODEL) as gemini, HttpClient() as http:
        base_url = gemini.base_url + path
        settings = ModelSettings(**{"name": MODEL, **(model or {})})
        yield (
            gemini,
            GoogleProvider("acme", http=http, base_url=base_url, api_key=KEY, models=[settings], **more),
        )


async def test_the_vendor_gets_what_its_reference_asks_for() -> None:
    async with asking(model={"temperature": 0.7, "max_tokens": 30720}) as (gemini, provider):
        await collect(provider, ask("hello", stream=True))
        await collect(provider, ask("hello"))
    streamed, plain = gemini.requests
    assert streamed.path == f"/v1beta/models/{MODEL}:streamGenerateContent"
    assert streamed.query == {"alt": "sse"}
    assert plain.path == f"/v1beta/models/{MODEL}:generateContent"
    assert plain.headers["x-goog-api-key"] == KEY
    assert "authorization" not in plain.headers
    assert plain.body["generationConfig"] == {"temperature": 0.7, "maxOutputTokens": 30720}
    assert plain.body == streamed.body


@pytest.mark.parametrize("path", ["", "/", "/v1beta", "/v1beta/", "/v1"])
async def test_the_version_may_be_in_the_base_url(path: str) -> None:
    async with asking(path=path) as (_, provider):
        assert (await collect(provider, ask("hello"))).text == "echo: hello"


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gemini-3-flash", "/models/gemini-3-flash"),
        ("models/gemini-3-flash", "/models/gemini-3-flash"),
        ("tunedModels/mine-1", "/tunedModels/mine-1"),
        ("models/../files?x=1", "/models/..%2Ffiles%3Fx%3D1"),
    ],
)
async def test_a_model_is_one_piece_of_the_address(model: str, path: str) -> None:
    async with HttpClient() as http:
        provider = GoogleProvider("acme", http=http, base_url="https://far.example/v1beta?project=p")
        call = provider.call(ask(stream=True, model=model))
    assert call.url == f"https://far.example/v1beta{path}:streamGenerateContent?project=p&alt=sse"


@pytest.mark.parametrize("name", ["gemini-pro", "gemma-3-27b-it"])
async def test_a_model_without_a_system_role_has_its_instructions_in_front(name: str) -> None:
    async with simulated("gemini", strict=True, model=name) as gemini, HttpClient() as http:
        provider = GoogleProvider("acme", http=http, base_url=gemini.base_url, api_key=KEY)
        answer = await collect(provider, ask("hello", model=name))
    assert "systemInstruction" not in gemini.requests[0].body
    assert answer.text.startswith("echo: Be brief.")


@streamed
async def test_signatures_go_back_with_their_calls(stream: bool) -> None:
    async with asking(thinking=500) as (gemini, provider):
        calls = [{"name": "weather", "arguments": {"city": city}} for city in ("北京", "Bonn")]
        gemini.script(Scripted("Let me see.", tool_calls=calls, reasoning="both"))
        request = ask("weather?", stream=stream, tools=(TOOL,))
        answer = await collect(provider, request)
        assert "".join(chunk.reasoning for chunk in answer.chunks) == "both"
        assert [bool(call.signature) for call in answer.last.tool_calls] == [True, False]
        request.messages += [said(answer), *results(answer, "sunny")]
        after = await collect(provider, request)
    assert "sunny" in after.text
    assert answer.last.usage is not None and answer.last.usage.reasoning_tokens > 0


async def test_a_conversation_that_another_model_began_is_taken() -> None:
    call = ToolCall("functions.weather:0", "weather", '{"city": "Bonn"}', "foreign", "anthropic")
    lines = [
        ChatMessage("assistant", "Welcome!"),
        ChatMessage("user", "weather?"),
        ChatMessage("assistant", [Reasoning("hm", "foreign", vendor="anthropic"), call]),
        ChatMessage("tool", [ToolResult(call.id, "weather", "sunny")]),
        ChatMessage("assistant", [call, ToolCall("lost", "weather")]),
        ChatMessage("tool", [ToolResult(call.id, "weather", "rain")]),
    ]
    async with asking() as (_, provider):
        answer = await collect(provider, ChatRequest(lines, tools=(TOOL,)))
    assert "rain" in answer.text


async def test_a_call_whose_signature_is_missing_or_wrong_is_a_refused_history() -> None:
    call = ToolCall("f1", "weather", '{"city": "Bonn"}', "forged", "google")
    lines = [
        ChatMessage("user", "weather?"),
        ChatMessage("assistant", [call]),
        ChatMessage("tool", [ToolResult("f1", "weather", "sunny")]),
    ]
    async with asking() as (gemini, provider):
        with pytest.raises(HistoryRefused):
            await collect(provider, ChatRequest(lines, tools=(TOOL,)))
        gemini.script(Scripted("hm", finish="MISSING_THOUGHT_SIGNATURE"))
        with pytest.raises(HistoryRefused):
            await collect(provider, ask(stream=True))


@streamed
@pytest.mark.parametrize("reason", ["SAFETY", "OTHER", "PROHIBITED_CONTENT"])
async def test_a_blocked_prompt_is_filtered(reason: str, stream: bool) -> None:
    async with asking() as (gemini, provider):
        gemini.script(Scripted(blocked=reason))
        with pytest.raises(ContentFiltered, match=reason):
            await collect(provider, ask(stream=stream))


@streamed
async def test_a_blocked_answer_says_so(stream: bool) -> None:
    async with asking() as (gemini, provider):
        gemini.script(Scripted("Well, ", finish="SAFETY"), Scripted(finish="RECITATION"))
        last = (await collect(provider, ask(stream=stream))).last
        assert (last.finish, last.finish_word) == ("content_filter", "SAFETY")
        with pytest.raises(ContentFiltered):
            await collect(provider, ask(stream=stream))


@streamed
async def test_a_call_that_is_none_is_asked_for_again(stream: bool) -> None:
    async with asking() as (gemini, provider):
        gemini.script(Scripted(tool_calls=[{"name": "weather", "arguments": "{broken"}]))
        with pytest.raises(Overloaded, match="malformed_function_call"):
            await collect(provider, ask("weather?", stream=stream, tools=(TOOL,)))


async def test_a_stream_that_comes_as_one_array() -> None:
    class WithoutEvents(GoogleProvider):
        def call(self, request: ChatRequest) -> Any:
            call = super().call(request)
            return type(call)(call.url.partition("?")[0], call.body, call.streamed)

    async with simulated("gemini", strict=True, model=MODEL) as gemini, HttpClient() as http:
        provider = WithoutEvents("acme", http=http, base_url=gemini.base_url, api_key=KEY)
        gemini.script(Scripted("a rather long answer", tool_calls=[{"name": "weather"}]))
        answer = await collect(provider, ask(stream=True, model=MODEL, tools=(TOOL,)))
    assert answer.text == "a rather long answer"
    assert [call.name for call in answer.last.tool_calls] == ["weather"]


async def test_pictures_at_an_address_are_not_fetched() -> None:
    parts = [
        Text("look"),
        Attachment("image", "image/png", "dot.png", data=DOT),
        Attachment("image", "image/png", "far.png", url="https://example.com/far.png"),
        Attachment("audio", "audio/wav", "hm.wav", data=b"RIFF"),
        Attachment("file", "application/zip", "all.zip", data=b"PK"),
    ]
    async with asking() as (gemini, provider):
        answer = await collect(provider, ChatRequest([ChatMessage("user", parts)]))
    assert answer.last.notes["unseen"] == [
        "image far.png: only its address is known",
        "file all.zip: the model takes no application/zip",
    ]
    sent = gemini.requests[0].body["contents"][0]["parts"]
    assert [next(iter(part)) for part in sent] == ["text", "inlineData", "text", "inlineData", "text"]


async def test_forced_and_forbidden_calls() -> None:
    add = Tool("add", "Add up", {"type": "object", "properties": {"a": {"type": "integer"}}})
    async with asking() as (_, provider):
        forced = await collect(provider, ask("hello", tools=(TOOL, add), tool_choice="add"))
        required = await collect(provider, ask("hello", tools=(TOOL, add), tool_choice="required"))
        request = ask('call add({"a": 1})', tools=(TOOL, add), tool_choice="none")
        forbidden = await collect(provider, request)
        request.tool_choice = ""
        free = await collect(provider, request)
    assert [call.name for call in forced.last.tool_calls] == ["add"]
    assert [call.name for call in required.last.tool_calls] == ["weather"]
    assert forbidden.last.tool_calls == ()
    assert [json.loads(call.arguments) for call in free.last.tool_calls] == [{"a": 1}]


KINDS: dict[str, type[VendorError]] = {
    "INVALID_ARGUMENT": Rejected,
    "UNAUTHENTICATED": AuthFailed,
    "PERMISSION_DENIED": AuthFailed,
    "NOT_FOUND": Rejected,
    "CANCELLED": Rejected,
    "INTERNAL": Overloaded,
    "UNAVAILABLE": Overloaded,
    "DEADLINE_EXCEEDED": Overloaded,
    "API_KEY_INVALID": AuthFailed,
    "FAILED_PRECONDITION": AuthFailed,
    "input_too_long": ContextOverflow,
    "prepayment_depleted": QuotaExceeded,
    "prepayment_depleted_429": QuotaExceeded,
    "quota_per_minute": RateLimited,
    "quota_per_day": QuotaExceeded,
    "quota_limit_zero": QuotaExceeded,
}


@streamed
@pytest.mark.parametrize("name", REFUSALS)
async def test_every_refusal_has_its_kind_and_is_one_request(name: str, stream: bool) -> None:
    async with asking(name) as (gemini, provider):
        with pytest.raises(VendorError) as caught:
            await collect(provider, ask(stream=stream))
    assert type(caught.value) is KINDS[name]
    assert len(gemini.requests) == 1
    if isinstance(caught.value, RateLimited):
        assert caught.value.retry_after == 46


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("cut-event:after=3", Truncated),
        ("no-body", Truncated),
        ("error-in-stream:code=quota_per_minute", RateLimited),
        ("error-in-stream:code=prepayment_depleted", QuotaExceeded),
        ("cut-body", (Truncated, NetworkFailed)),
    ],
)
async def test_what_breaks_an_answer_has_a_name(fault: str, kind: Any) -> None:
    async with asking(fault) as (_, provider):
        with pytest.raises(kind):
            await collect(provider, ask("hello", stream=fault != "cut-body"))


async def test_a_broken_line_costs_its_piece_alone() -> None:
    async with asking("bad-line:after=3") as (_, provider):
        answer = await collect(provider, ask("a rather long question", stream=True))
    assert answer.text == "echo: a rather long question"
    assert answer.last.notes == {"unread": 1}


async def test_models_are_listed() -> None:
    async with asking() as (_, provider):
        assert await provider.list_models() == [MODEL, "sim-embedding-1"]


async def test_vectors_come_in_the_order_of_the_texts_and_in_batches() -> None:
    texts = [f"text {n}" for n in range(250)]
    async with asking() as (gemini, provider):
        found = await provider.embed(texts, model="sim-embedding-1", dimensions=16)
        (alone,) = (await provider.embed([texts[240]], model="sim-embedding-1", dimensions=16)).vectors
    assert len(found.vectors) == 250
    assert found.vectors[240] == alone
    assert {len(vector) for vector in found.vectors} == {16}
    assert [len(request.body["requests"]) for request in gemini.requests] == [100, 100, 50, 1]


async def test_a_model_that_makes_no_vectors_says_so() -> None:
    async with asking() as (_, provider):
        with pytest.raises(Rejected):
            await provider.embed(["a"])
