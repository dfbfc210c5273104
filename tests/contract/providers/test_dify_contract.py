"""Dify's chat apps against their simulator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any, ClassVar

import pytest

from mindbot.domain.chat import Attachment, ChatMessage, ChatRequest, Text, ToolResult
from mindbot.domain.errors import (
    AuthFailed,
    MindBotError,
    Overloaded,
    QuotaExceeded,
    RateLimited,
    Rejected,
)
from mindbot.domain.ports.answering import Provider
from mindbot.domain.ports.http import Http
from mindbot.http.client import HttpClient
from mindbot.providers.dify import DifyProvider
from mindbot.sim.models.conversation import Scripted
from mindbot.sim.testing import simulated
from mindbot.testing.models.rig import DOT, LONG
from mindbot.testing.providers import KEY, Play, ProviderContract, ask, collect

FAULTS = {
    "bad_request": "400",
    "bad_key": "401",
    "no_model": "model_currently_not_support",
    "rate_limited": "429:retry-after=7",
    "quota": "provider_quota_exceeded",
    "server_error": "500",
    "proxy_page": "502:body=html",
    "garbage": "garbage",
    "hang": "hang",
    "cut": "cut-stream:after=5",
    "end_early": "end-early:after=5",
    "stall": "stall:after=5",
    "error_in_stream": "error-in-stream:after=5",
}


class TestDify(ProviderContract):
    quirks: tuple[str, ...] = ()
    mode = "chat"
    tools = False
    output_limit = False
    unheard_of: ClassVar[frozenset[Any]] = frozenset({"filtered"})

    @asynccontextmanager
    async def vendor(self, play: Play) -> AsyncIterator[str]:
        context = 1 if play.fault == "context" else 100_000
        fault = FAULTS.get(play.fault, "")
        faults = ((fault,) if fault else ()) + self.quirks
        more = {"mode": self.mode, "context_tokens": context}
        async with simulated("dify", fault=faults, strict=True, api_key=KEY, **more) as dify:
            if play.text:
                dify.script(Scripted(play.text, reasoning=play.reasoning))
            yield dify.base_url

    def provider(self, base_url: str, http: Http, timeout: float) -> Provider:
        return DifyProvider(
            "app",
            http=http,
            base_url=base_url,
            api_key=KEY,
            history="inputs",
            timeout=timeout,
            total=60,
        )


@pytest.mark.full
class TestDifyChatflowShredded(TestDify):
    quirks = ("split", "crlf", "comments")
    mode = "advanced-chat"


@asynccontextmanager
async def dify(
    *replies: Scripted, fault: str = "", mode: str = "chat", **more: Any
) -> AsyncIterator[tuple[Any, DifyProvider]]:
    async with simulated("dify", fault=fault or (), strict=True, mode=mode) as server, HttpClient() as http:
        server.script(*replies)
        key = server.settings.api_key
        yield server, DifyProvider("app", http=http, base_url=server.base_url, api_key=key, **more)


def paths(server: Any) -> list[str]:
    return [recorded.path for recorded in server.requests]


pytestmark = [pytest.mark.anyio, pytest.mark.full]


@pytest.mark.parametrize("mode", ["chat", "agent-chat", "agent", "advanced-chat"])
async def test_every_kind_of_app_says_its_answer_once(mode: str) -> None:
    async with dify(mode=mode) as (server, provider):
        answer = await collect(provider, ask("how are you?", stream=True, user="u1"))
    assert answer.text == "echo: how are you?"
    assert not any(chunk.afresh for chunk in answer.chunks)
    usage = answer.last.usage
    assert usage is not None
    assert (usage.input_tokens > 0, usage.output_tokens > 0, usage.currency) == (True, True, "USD")
    assert usage.cost is not None and usage.cost > 0
    body = server.requests[0].body
    assert (body["user"], body["inputs"]) == ("u1", {"instructions": "Be brief."})
    assert "conversation_id" not in body


async def test_an_app_that_does_not_stream_answers_whole() -> None:
    async with dify(stream=False) as (server, provider):
        answer = await collect(provider, ask("hi", stream=True))
    assert (answer.text, answer.last.finish) == ("echo: hi", "stop")
    assert server.requests[0].body["response_mode"] == "blocking"


async def test_earlier_lines_are_told_where_the_setting_says() -> None:
    lines = [
        ChatMessage("user", "one"),
        ChatMessage("assistant", "two"),
        ChatMessage("user", "three"),
        ChatMessage("tool", [ToolResult("c1", "clock", "noon")]),
    ]
    sent = []
    for history in ("query", "inputs", "none"):
        async with dify(history=history) as (server, provider):
            await collect(provider, ChatRequest(lines))
            sent.append(server.requests[0].body)
    told = "User: one\nAssistant: two"
    question = "three\n[clock: noon]"
    whole = f"What was said before:\n{told}\n\nThe message to answer:\n{question}"
    assert sent[0]["query"] == whole
    assert [each["query"] for each in sent[1:]] == [question] * 2
    assert [each["inputs"] for each in sent] == [{}, {"history": told}, {}]


async def test_files_of_the_question_are_uploaded() -> None:
    parts = [
        Attachment("image", "image/png", "dot.png", data=DOT),
        Attachment("file", "text/plain", "a.txt", data=b"abc"),
        Attachment("audio", "audio/mpeg", url="https://example.com/a.mp3"),
    ]
    lines = [ChatMessage("user", [Text("old"), parts[0]]), ChatMessage("user", parts)]
    async with dify(history="none") as (server, provider):
        answer = await collect(provider, ChatRequest(lines, user="u1"))
    assert answer.text == "echo: [no words]"
    assert paths(server) == ["/v1/files/upload", "/v1/files/upload", "/v1/chat-messages"]
    assert server.requests[0].body["user"] == "u1"
    files = server.requests[2].body["files"]
    assert [(each["type"], each["transfer_method"]) for each in files] == [
        ("image", "local_file"),
        ("document", "local_file"),
        ("audio", "remote_url"),
    ]


async def test_a_run_that_nobody_reads_is_stopped_by_whose_it_is() -> None:
    async with dify(Scripted(LONG), fault="stall:after=8", mode="advanced-chat") as (server, provider):
        async with aclosing(provider.chat(ask(stream=True, user="u1"))) as chunks:
            async for _ in chunks:
                break
        assert server.stopped == list(server.runs)


async def test_a_run_that_ended_is_not_stopped() -> None:
    async with dify(mode="advanced-chat") as (server, provider):
        await collect(provider, ask(stream=True))
    assert paths(server) == ["/v1/chat-messages"]


async def test_a_failing_node_is_named() -> None:
    fault = "node-failed:node=Look up,error=no such table"
    async with dify(fault=fault.replace(",", ":"), mode="advanced-chat") as (_, provider):
        with pytest.raises(Rejected, match=r"^app: the node 'Look up': no such table \(see the run"):
            await collect(provider, ask(stream=True))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("app_unavailable", Rejected),
        ("not_chat_app", Rejected),
        ("provider_not_initialize", Rejected),
        ("completion_request_error", Overloaded),
        ("unauthorized", AuthFailed),
        ("forbidden", AuthFailed),
        ("too_many_requests", RateLimited),
        ("rate_limit_error", QuotaExceeded),
        ("internal_server_error", Overloaded),
    ],
)
async def test_codes_mean_what_the_page_says(code: str, kind: type[MindBotError]) -> None:
    async with dify(fault=code) as (_, provider):
        with pytest.raises(kind) as caught:
            await collect(provider, ask())
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("provider_quota_exceeded", QuotaExceeded),
        ("completion_request_error", Overloaded),
        ("invalid_param", Rejected),
    ],
)
async def test_codes_in_a_stream_mean_the_same(code: str, kind: type[MindBotError]) -> None:
    async with dify(fault=f"error-in-stream:after=1:code={code}") as (server, provider):
        with pytest.raises(kind) as caught:
            await collect(provider, ask("how are you?", stream=True))
    assert type(caught.value) is kind
    assert paths(server) == ["/v1/chat-messages"]
