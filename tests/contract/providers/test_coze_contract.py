"""Coze against its simulator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import anyio
import orjson
import pytest

from mindbot.config.models import ModelSettings
from mindbot.domain.chat import Attachment, ChatMessage, ChatRequest, Text
from mindbot.domain.errors import (
    AuthFailed,
    ContentFiltered,
    MindBotError,
    Overloaded,
    QuotaExceeded,
    RateLimited,
    Rejected,
    SecretError,
    TimedOut,
)
from mindbot.domain.ports.answering import Provider
from mindbot.domain.ports.http import Http
from mindbot.http.client import HttpClient
from mindbot.providers.coze import CozeProvider
from mindbot.sim.coze.oauth import private_key
from mindbot.sim.models.conversation import Scripted
from mindbot.sim.testing import simulated
from mindbot.testing.models.rig import DOT, LONG
from mindbot.testing.providers import KEY, Play, ProviderContract, ask, collect
from mindbot.testing.waiting import PATIENCE

FAULTS = {
    "bad_request": "400",
    "bad_key": "401",
    "no_model": "404",
    "rate_limited": "429:retry-after=7",
    "quota": "4028",
    "filtered": "chat-failed:code=720702222",
    "server_error": "500",
    "proxy_page": "502:body=html",
    "garbage": "garbage",
    "hang": "hang",
    "cut": "cut-stream:after=5",
    "end_early": "end-early:after=5",
    "stall": "stall:after=5",
    "error_in_stream": "error-in-stream:after=5",
}
BOT = "7400000000000000000"


class TestCoze(ProviderContract):
    quirks: tuple[str, ...] = ()
    output_limit = False
    unheard_of = frozenset({"context"})  # the oldest lines are left out without a word

    @asynccontextmanager
    async def vendor(self, play: Play) -> AsyncIterator[str]:
        faults = ((FAULTS[play.fault],) if play.fault else ()) + self.quirks
        async with simulated("coze", fault=faults, strict=True, api_key=KEY, tools=("weather",)) as coze:
            if play.text or play.tool_calls:
                coze.script(Scripted(play.text, tool_calls=list(play.tool_calls), reasoning=play.reasoning))
            yield coze.base_url

    def provider(self, base_url: str, http: Http, timeout: float) -> Provider:
        return CozeProvider(
            "bot",
            http=http,
            base_url=base_url + "/v1",
            api_key=KEY,
            bot_id=BOT,
            models=[ModelSettings(name=BOT, tools=True)],
            timeout=timeout,
            total=60,
        )


@pytest.mark.full
class TestCozeShredded(TestCoze):
    quirks = ("split", "crlf")


@asynccontextmanager
async def coze(
    *replies: Scripted, fault: str = "", sim: dict[str, Any] | None = None, **more: Any
) -> AsyncIterator[tuple[Any, CozeProvider]]:
    async with simulated("coze", fault=fault or (), strict=True, **(sim or {})) as server:
        server.script(*replies)
        async with HttpClient() as http:
            with_key = {"api_key": server.settings.api_key, "bot_id": BOT, **more}
            yield server, CozeProvider("bot", http=http, base_url=server.base_url, **with_key)


def paths(server: Any) -> list[str]:
    return [recorded.path for recorded in server.requests]


pytestmark = [pytest.mark.anyio, pytest.mark.full]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("4000", Rejected),
        ("4001", AuthFailed),
        ("4013", RateLimited),
        ("4015", Rejected),
        ("4019", QuotaExceeded),
        ("4020", QuotaExceeded),
        ("4029", QuotaExceeded),
        ("4100", AuthFailed),
        ("4101", AuthFailed),
        ("4200", Rejected),
        ("5000", Overloaded),
        ("700012006", AuthFailed),
        ("720702222", ContentFiltered),
    ],
)
@pytest.mark.parametrize("form", ["", "chat-failed:code="])
async def test_a_code_with_http_200_is_a_failure(form: str, code: str, kind: type[MindBotError]) -> None:
    async with coze(fault=f"{form}{code}") as (server, provider):
        with pytest.raises(kind) as caught:
            await collect(provider, ask())
    assert type(caught.value) is kind
    assert code in (caught.value.code, str(caught.value))  # type: ignore[attr-defined]
    assert paths(server) == ["/v3/chat"]


async def test_each_call_is_told_all_lines_and_leaves_nothing() -> None:
    lines = [
        ChatMessage("system", "Be brief."),
        ChatMessage("user", "one"),
        ChatMessage("assistant", "two"),
        ChatMessage("user", "three"),
    ]
    async with coze() as (server, provider):
        answer = await collect(provider, ChatRequest(lines, user="u1"))
    assert answer.text == "echo: three"
    body = server.requests[0].body
    assert (body["bot_id"], body["user_id"], body["auto_save_history"]) == (BOT, "u1", False)
    told = [(line["role"], line["type"], line["content"]) for line in body["additional_messages"]]
    assert told == [
        ("user", "question", "Be brief."),
        ("user", "question", "one"),
        ("assistant", "answer", "two"),
        ("user", "question", "three"),
    ]


async def test_a_long_conversation_is_cut_to_what_may_be_sent() -> None:
    lines = [ChatMessage(("user", "assistant")[n % 2], f"line {n}") for n in range(301)]
    async with coze() as (server, provider):
        assert (await collect(provider, ChatRequest(lines))).text == "echo: line 300"
    sent = server.requests[0].body["additional_messages"]
    assert (len(sent), sent[0]["content"]) == (100, "line 0")


async def test_files_are_uploaded_and_addresses_are_named() -> None:
    parts = [
        Text("what is this?"),
        Attachment("image", "image/png", "dot.png", data=DOT),
        Attachment("file", "text/plain", "a.txt", data=b"abc"),
        Attachment("image", "image/png", url="https://example.com/a.png"),
    ]
    async with coze() as (server, provider):
        answer = await collect(provider, ChatRequest([ChatMessage("user", parts)]))
    assert answer.text == "echo: what is this? [image] [file] [image]"
    assert paths(server) == ["/v1/files/upload", "/v1/files/upload", "/v3/chat"]
    objects = orjson.loads(server.requests[2].body["additional_messages"][0]["content"])
    assert [sorted(each) for each in objects] == [
        ["text", "type"],
        ["file_id", "type"],
        ["file_id", "type"],
        ["file_url", "type"],
    ]


async def test_an_upload_that_hangs_keeps_the_deadline() -> None:
    lines = [ChatMessage("user", [Attachment("image", "image/png", "dot.png", data=DOT)])]
    async with coze(fault="hang@/v1/files") as (_, provider):
        request = ChatRequest(lines, deadline=anyio.current_time() + 0.1)
        with anyio.fail_after(PATIENCE), pytest.raises(TimedOut):
            await collect(provider, request)


async def test_suggestions_and_notes_are_no_part_of_the_answer() -> None:
    reply = Scripted("42", reasoning="six times seven")
    async with coze(reply, sim={"suggestions": ("And then?",)}) as (_, provider):
        answer = await collect(provider, ask(stream=True))
    assert answer.text == "42"
    assert "".join(chunk.reasoning for chunk in answer.chunks) == "six times seven"


async def test_a_chat_that_nobody_reads_is_cancelled() -> None:
    async with coze(Scripted(LONG), fault="stall:after=8") as (server, provider):
        async with aclosing(provider.chat(ask(stream=True))) as chunks:
            async for _ in chunks:
                break
        assert paths(server) == ["/v3/chat", "/v3/chat/cancel"]
        talk = server.requests[1].body
        assert server.rooms.talk(talk["conversation_id"], talk["chat_id"]).status == "canceled"


async def test_a_chat_is_cancelled_with_the_turn_that_asked() -> None:
    async def one() -> None:
        async with aclosing(provider.chat(ask(stream=True))) as chunks:
            async for _ in chunks:
                begun.set()

    begun = anyio.Event()
    async with coze(Scripted(LONG), fault="stall:after=8") as (server, provider):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(one)
            await begun.wait()
            tasks.cancel_scope.cancel()
        assert paths(server) == ["/v3/chat", "/v3/chat/cancel"]


async def test_an_answer_that_was_read_is_not_cancelled() -> None:
    async with coze() as (server, provider), aclosing(provider.chat(ask(stream=True))) as chunks:
        async for chunk in chunks:
            if chunk.finish:
                break
    assert paths(server) == ["/v3/chat"]


def oauth(server: Any, **more: Any) -> dict[str, Any]:
    settings = server.settings
    return {"app_id": settings.app_id, "key_id": settings.public_key_id, "api_key": private_key(), **more}


async def test_an_oauth_app_signs_for_a_token_and_keeps_it() -> None:
    now = 1_800_000_000.0
    async with simulated("coze", strict=True, clock=lambda: now) as server, HttpClient() as http:
        provider = CozeProvider(
            "bot", http=http, base_url=server.base_url, bot_id=BOT, clock=lambda: now, **oauth(server)
        )
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(collect, provider, ask())
        assert paths(server).count("/api/permission/oauth2/token") == 1
        now += 3600
        assert (await collect(provider, ask("again"))).text == "echo: again"
        assert paths(server).count("/api/permission/oauth2/token") == 2
        server.desk.revoke()
        assert (await collect(provider, ask("once more"))).text == "echo: once more"
        assert paths(server).count("/api/permission/oauth2/token") == 3


async def test_a_key_that_is_none_is_named_without_being_shown() -> None:
    async with simulated("coze", strict=True) as server, HttpClient() as http:
        provider = CozeProvider(
            "bot",
            http=http,
            base_url=server.base_url,
            bot_id=BOT,
            **oauth(server, api_key="-----BEGIN\nabc"),
        )
        with pytest.raises(SecretError, match="no RSA key") as caught:
            await collect(provider, ask())
        assert "abc" not in str(caught.value)
        wrong = CozeProvider(
            "bot", http=http, base_url=server.base_url, bot_id=BOT, **oauth(server, app_id="999")
        )
        with pytest.raises(AuthFailed, match="iss"):
            await collect(wrong, ask())


async def test_a_personal_token_that_is_refused_is_shown_once() -> None:
    async with coze(api_key="pat_wrong") as (server, provider):
        with pytest.raises(AuthFailed):
            await collect(provider, ask())
    assert paths(server) == ["/v3/chat"]
