"""Anthropic's own ways, against the shipped simulator: versions, thinking, money, models, odd histories."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from mindbot.config.models import ModelSettings
from mindbot.domain.chat import Attachment, ChatMessage, ChatRequest, Reasoning, Text, ToolCall, ToolResult
from mindbot.domain.errors import (
    AuthFailed,
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
from mindbot.providers.anthropic import AnthropicProvider
from mindbot.providers.management.resets import asked_again
from mindbot.sim.anthropic.refusals import REFUSALS
from mindbot.sim.anthropic.server import AnthropicSimulator
from mindbot.sim.models.conversation import Scripted
from mindbot.sim.testing import simulated
from mindbot.testing.models.rig import DOT, TOOL, ask, collect, results, said, streamed

pytestmark = pytest.mark.anyio
KEY = "sk-ant-simulated"


@asynccontextmanager
async def asking(
    fault: str | Sequence[str] = (), model: dict[str, Any] | None = None, path: str = "", **more: Any
) -> AsyncIterator[tuple[AnthropicSimulator, AnthropicProvider]]:
    async with simulated("anthropic", fault=fault, strict=True) as anthropic, HttpClient() as http:
        settings = ModelSettings(**{"name": anthropic.settings.model, "images": True, **(model or {})})
        base_url = anthropic.base_url + path
        yield (
            anthropic,
            AnthropicProvider("acme", http=http, base_url=base_url, api_key=KEY, models=[settings], **more),
        )


async def test_the_vendor_gets_what_its_reference_asks_for() -> None:
    async with asking() as (anthropic, provider):
        await collect(provider, ask("hello", stream=True, max_tokens=7, user="u1"))
    (request,) = anthropic.requests
    assert request.path == "/v1/messages"
    assert request.headers["x-api-key"] == KEY
    assert "authorization" not in request.headers
    assert request.headers["anthropic-version"] == "2026-10-21"
    assert request.body["system"] == "Be brief."
    assert (request.body["max_tokens"], request.body["metadata"]) == (7, {"user_id": "u1"})


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/"])
async def test_the_version_may_be_in_the_base_url(path: str) -> None:
    async with asking(path=path) as (_, provider):
        assert (await collect(provider, ask("hello"))).text == "echo: hello"


async def test_a_temperature_asks_for_the_version_that_knows_it() -> None:
    async with asking(model={"temperature": 0.7, "max_tokens": 4096}) as (anthropic, provider):
        answer = await collect(provider, ask("hello"))
    (request,) = anthropic.requests
    assert request.headers["anthropic-version"] == "2023-06-01"
    assert request.body["temperature"] == 0.7
    assert answer.last.notes == {}


async def test_a_version_that_is_set_is_kept_and_the_trace_tells_what_it_costs() -> None:
    async with asking(model={"temperature": 0.7}, api_version="2026-10-21") as (anthropic, provider):
        answer = await collect(provider, ask("hello"))
    (request,) = anthropic.requests
    assert request.headers["anthropic-version"] == "2026-10-21"
    assert "temperature" not in request.body
    assert answer.last.notes == {"unsent": ["temperature"]}


@streamed
async def test_signed_thoughts_go_back_unchanged(stream: bool) -> None:
    async with asking(thinking=1024) as (anthropic, provider):
        call = {"name": "weather", "arguments": '{"city": "Bonn"}'}
        anthropic.script(Scripted(tool_calls=[call, call], reasoning="Both of them, 两个都要。"))
        request = ask("weather?", stream=stream, tools=(TOOL,))
        answer = await collect(provider, request)
        (thought,) = answer.last.thoughts
        assert thought.text == "Both of them, 两个都要。"
        assert (bool(thought.signature), thought.vendor) == (True, "anthropic")
        request.messages += [said(answer), *results(answer, "sunny")]
        after = await collect(provider, request)
    assert "sunny" in after.text
    sent = anthropic.requests[-1].body
    assert [block["type"] for block in sent["messages"][1]["content"]] == ["thinking", "tool_use", "tool_use"]
    assert sent["thinking"] == {"type": "enabled", "budget_tokens": 1024}
    assert after.last.usage is not None and after.last.usage.reasoning_tokens > 0


async def test_a_conversation_that_another_model_began_is_taken() -> None:
    call = ToolCall("functions.weather:0", "weather", '{"city": "Bonn"}')
    lines = [
        ChatMessage("user", "weather?"),
        ChatMessage("assistant", [Reasoning("hm", "foreign", vendor="google"), call]),
        ChatMessage("tool", [ToolResult(call.id, "weather", "sunny")]),
        ChatMessage("assistant", [call, ToolCall("lost", "weather")]),
        ChatMessage("tool", [ToolResult(call.id, "weather", "rain")]),
    ]
    async with asking(thinking=1024) as (_, provider):
        answer = await collect(provider, ChatRequest(lines, tools=(TOOL,)))
        bare = await collect(provider, ChatRequest(lines))
    assert "rain" in answer.text
    assert bare.last.finish == "stop"


async def test_tokens_of_the_cache_are_input_and_cached() -> None:
    async with asking() as (anthropic, provider):
        anthropic.script(Scripted("hi", cached=5))
        answer = await collect(provider, ask("hello there, what is up?", stream=True))
    assert answer.last.usage is not None
    assert answer.last.usage.cached_tokens == 5
    assert answer.last.usage.input_tokens == anthropic.requests[0].question.tokens  # type: ignore[union-attr]


async def test_what_the_vendor_takes_not_is_named_to_the_model() -> None:
    parts = [
        Text("look"),
        Attachment("image", "image/png", "dot.png", data=DOT),
        Attachment("image", "image/tiff", "scan.tiff", data=b"II*"),
        Attachment("image", "image/png", "huge.png", data=DOT + bytes(5 << 20)),
        Attachment("file", "application/vnd.ms-excel", "sums.xls", data=b"x"),
        Attachment("file", "text/plain", "notes.txt", data=b"some notes"),
    ]
    async with asking(model={"files": True}) as (anthropic, provider):
        answer = await collect(provider, ChatRequest([ChatMessage("user", parts)]))
    assert answer.last.notes["unseen"] == [
        "image scan.tiff: the model takes no image/tiff",
        "image huge.png: too large",
        "file sums.xls: the model takes no application/vnd.ms-excel",
    ]
    blocks = anthropic.requests[0].body["messages"][0]["content"]
    assert [block["type"] for block in blocks] == ["text", "image", "text", "document"]


@pytest.mark.parametrize(
    ("finish", "expected"), [("pause_turn", "length"), ("ran_out_of_ink", "other"), ("stop_sequence", "stop")]
)
@streamed
async def test_every_reason_for_an_end_is_told(finish: str, expected: str, stream: bool) -> None:
    async with asking() as (anthropic, provider):
        anthropic.script(Scripted("hi", finish=finish))
        last = (await collect(provider, ask(stream=stream))).last
    assert (last.finish, last.finish_word) == (expected, finish)


KINDS: dict[str, type[VendorError]] = {
    "invalid_request_error": Rejected,
    "authentication_error": AuthFailed,
    "billing_error": QuotaExceeded,
    "permission_error": AuthFailed,
    "not_found_error": Rejected,
    "conflict_error": Overloaded,
    "request_too_large": ContextOverflow,
    "rate_limit_error": RateLimited,
    "api_error": Overloaded,
    "timeout_error": Overloaded,
    "overloaded_error": Overloaded,
    "prompt_too_long": ContextOverflow,
    "specified_usage_limit": QuotaExceeded,
    "workspace_usage_limit": QuotaExceeded,
    "credit_balance_too_low": QuotaExceeded,
    "linked_organization_billing_unavailable": QuotaExceeded,
    "ramp_limit_exceeded": RateLimited,
    "enforced_spend_limit_reached": QuotaExceeded,
    "contract_spend_limit_reached": QuotaExceeded,
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_every_refusal_has_its_kind_and_is_one_request(name: str) -> None:
    async with asking(name) as (anthropic, provider):
        with pytest.raises(VendorError) as caught:
            await collect(provider, ask(stream=True))
    assert type(caught.value) is KINDS[name]
    assert len(anthropic.requests) == 1
    if isinstance(caught.value, RateLimited):
        assert caught.value.retry_after == (20 if name == "ramp_limit_exceeded" else 7)


@pytest.mark.parametrize(
    "name", ["specified_usage_limit", "workspace_usage_limit", "enforced_spend_limit_reached"]
)
async def test_limits_of_a_month_are_over_on_its_first(name: str) -> None:
    async with asking(name) as (_, provider):
        with pytest.raises(QuotaExceeded) as caught:
            await collect(provider, ask())
    now = datetime.now(UTC)
    first = datetime(now.year + now.month // 12, now.month % 12 + 1, 1, tzinfo=UTC)
    assert asked_again(caught.value, now.timestamp()) == first.timestamp()


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("cut-event:after=3", Truncated),
        ("no-body", Truncated),
        ("error-in-stream:code=rate_limit_error", RateLimited),
        ("error-in-stream:code=enforced_spend_limit_reached", QuotaExceeded),
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


async def test_a_refused_history_is_told_from_a_bad_request() -> None:
    async with simulated("anthropic", strict=True) as anthropic, HttpClient() as http:
        provider = AnthropicProvider("acme", http=http, base_url=anthropic.base_url, api_key=KEY)
        own = Reasoning("hm", "forged", vendor="anthropic")
        lines = [
            ChatMessage("user", "hi"),
            ChatMessage("assistant", [own, Text("ho")]),
            ChatMessage("user", "?"),
        ]
        with pytest.raises(HistoryRefused):
            await collect(provider, ChatRequest(lines, model=anthropic.settings.model))


async def test_forced_and_forbidden_calls() -> None:
    async with asking() as (_, provider):
        forced = await collect(provider, ask("hello", tools=(TOOL,), tool_choice="weather"))
        required = await collect(provider, ask("hello", tools=(TOOL,), tool_choice="required"))
        request = ask('call weather({"city": "Bonn"})', tools=(TOOL,), tool_choice="none")
        forbidden = await collect(provider, request)
        request.tool_choice = "auto"
        free = await collect(provider, request)
    assert [call.name for call in forced.last.tool_calls] == ["weather"]
    assert [call.name for call in required.last.tool_calls] == ["weather"]
    assert forbidden.last.tool_calls == ()
    assert [json.loads(call.arguments) for call in free.last.tool_calls] == [{"city": "Bonn"}]


async def test_models_are_listed() -> None:
    async with asking() as (anthropic, provider):
        assert await provider.list_models() == [anthropic.settings.model]
    assert anthropic.requests[-1].headers["x-api-key"] == KEY


async def test_the_list_of_models_needs_the_key() -> None:
    async with simulated("anthropic", strict=True) as anthropic, HttpClient() as http:
        provider = AnthropicProvider("acme", http=http, base_url=anthropic.base_url, api_key="sk-wrong")
        with pytest.raises(AuthFailed):
            await provider.list_models()


async def test_models_come_in_pages() -> None:
    pages = [
        {"data": [{"id": "a"}, {"id": "b"}], "has_more": True, "last_id": "b"},
        {"data": [{"id": "c"}], "has_more": False},
    ]
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path_qs)
        return web.json_response(pages[len(asked) - 1])

    app = web.Application()
    app.router.add_get("/v1/models", answer)
    async with TestServer(app) as server, HttpClient() as http:
        base_url = str(server.make_url("/v1?project=p"))
        provider = AnthropicProvider("acme", http=http, base_url=base_url, api_key=KEY)
        assert await provider.list_models() == ["a", "b", "c"]
    assert asked == ["/v1/models?project=p&limit=1000", "/v1/models?project=p&limit=1000&after_id=b"]
