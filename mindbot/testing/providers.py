"""What every provider must do, whatever wire it speaks. Subclass `ProviderContract` beside your provider:

class TestAcme(ProviderContract):
    @asynccontextmanager
    async def vendor(self, play: Play) -> AsyncIterator[str]:
        async with simulated("acme", ...) as acme:
            yield acme.base_url

    def provider(self, base_url: str, http: Http, timeout: float) -> Provider:
        return AcmeProvider("acme", http=http, base_url=base_url, api_key=KEY, timeout=timeout)
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

import anyio
import anyio.abc
import pytest

from mindbot.domain.chat import ChatMessage, ChatRequest, Chunk, Text, Tool, ToolResult
from mindbot.domain.errors import (
    AuthFailed,
    ContentFiltered,
    ContextOverflow,
    MindBotError,
    NetworkFailed,
    Overloaded,
    QuotaExceeded,
    RateLimited,
    Rejected,
    TimedOut,
    Truncated,
    VendorError,
)
from mindbot.domain.message import Json
from mindbot.domain.ports.answering import Provider
from mindbot.domain.ports.http import Http
from mindbot.http.client import HttpClient
from mindbot.testing.waiting import PATIENCE

Fault = Literal[
    "",
    "bad_request",
    "bad_key",
    "no_model",
    "rate_limited",  # come back in 7 seconds
    "quota",
    "context",
    "filtered",
    "server_error",
    "proxy_page",  # 502 or 503 with a page of HTML
    "garbage",  # 200 with something unreadable
    "hang",  # no answer
    "cut",  # a stream breaks after some text, and so does its connection
    "end_early",  # a stream ends after some text, well formed but for its end marker
    "stall",  # a stream stops after some text and stays open
    "error_in_stream",  # a stream reports a server error after some text
]

#: Given to providers under test; never to be seen in an error.
KEY = "sk-contract-0123456789"
TOOL = Tool(
    "weather",
    "Tell the weather",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
_PATIENCE = 30.0
#: Long enough for a break in its middle, whatever a provider holds back at the beginning to look at.
_LONG = "a rather long answer that takes many pieces, and of which some have been said when it breaks off"


@dataclass(frozen=True, slots=True)
class Play:
    """How the vendor behaves. Without ``text`` it echoes: ``echo: `` and the last user message."""

    fault: Fault = ""
    text: str = ""
    tool_calls: list[Json] = field(default_factory=list)  # {"id", "name", "arguments": text}
    reasoning: str = ""


@dataclass(slots=True)
class CollectedAnswer:
    """A collected answer."""

    chunks: list[Chunk]

    @property
    def text(self) -> str:
        return "".join(chunk.text for chunk in self.chunks)

    @property
    def last(self) -> Chunk:
        return self.chunks[-1]


class Tap:
    """Sits between a provider and its vendor and counts connections."""

    def __init__(self, vendor_url: str) -> None:
        self._vendor = urlsplit(vendor_url)
        self.base_url = ""
        self.connections = 0
        self.open = 0
        self._changed = anyio.Event()

    async def one_opened(self) -> None:
        """Wait until there has been a connection."""
        with anyio.fail_after(PATIENCE):
            while not self.connections:
                await self._changed.wait()

    async def all_closed(self) -> None:
        """Wait until no connection is open."""
        with anyio.fail_after(PATIENCE):
            while self.open:
                await self._changed.wait()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Tap]:
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 - not Django
        self.base_url = urlunsplit(self._vendor._replace(netloc=f"127.0.0.1:{port}"))
        async with listener, anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, self._connected)
            yield self
            tasks.cancel_scope.cancel()

    async def _connected(self, near: anyio.abc.SocketStream) -> None:
        self.connections += 1
        self.open += 1
        self._tell()
        try:
            async with (
                near,
                await anyio.connect_tcp(str(self._vendor.hostname), self._vendor.port or 80) as far,
                anyio.create_task_group() as tasks,
            ):
                tasks.start_soon(_pipe, far, near, tasks.cancel_scope)
                await _pipe(near, far, tasks.cancel_scope)
        finally:
            self.open -= 1
            self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()


async def _pipe(
    source: anyio.abc.SocketStream, sink: anyio.abc.SocketStream, both: anyio.CancelScope
) -> None:
    try:
        async for data in source:
            await sink.send(data)
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        pass  # either side may break the connection: that is what is being tested
    both.cancel()


def ask(text: str = "hello", *, stream: bool = False, **more: object) -> ChatRequest:
    """Return a request with a system prompt and one question."""
    messages = [ChatMessage("system", "Be brief."), ChatMessage("user", text)]
    return ChatRequest(messages, stream=stream, **more)  # type: ignore[arg-type]


async def collect(provider: Provider, request: ChatRequest) -> CollectedAnswer:
    """Return the whole answer."""
    async with aclosing(provider.chat(request)) as chunks:
        return CollectedAnswer([chunk async for chunk in chunks])


def said(answer: CollectedAnswer) -> ChatMessage:
    """Return an answer as the line that goes back to the model: thoughts first, then words, then calls."""
    words = (Text(answer.text),) if answer.text else ()
    return ChatMessage("assistant", (*answer.last.thoughts, *words, *answer.last.tool_calls))


def results(answer: CollectedAnswer, text: str) -> list[ChatMessage]:
    """Return the lines that answer all calls of an answer."""
    return [ChatMessage("tool", [ToolResult(call.id, call.name, text)]) for call in answer.last.tool_calls]


streamed = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


class ProviderContract:
    """See the module. Every test gets a fresh vendor, HTTP client and provider."""

    pytestmark = pytest.mark.anyio

    def vendor(self, play: Play) -> AbstractAsyncContextManager[str]:
        """Run the vendor's simulator, behaving as told; yields its base URL."""
        raise NotImplementedError

    def provider(self, base_url: str, http: Http, timeout: float) -> Provider:
        """Return the provider under test, with `KEY`, a model, and ``timeout`` seconds of patience."""
        raise NotImplementedError

    @asynccontextmanager
    async def playing(self, play: Play, timeout: float = _PATIENCE) -> AsyncIterator[tuple[Provider, Tap]]:
        async with self.vendor(play) as url, Tap(url).running() as tap, HttpClient() as http:
            yield self.provider(tap.base_url, http, timeout), tap

    @streamed
    async def test_answers(self, stream: bool) -> None:
        async with self.playing(Play()) as (provider, _):
            answer = await collect(provider, ask("how are you?", stream=stream))
        assert answer.text == "echo: how are you?"
        assert answer.last.finish == "stop"
        assert all(not chunk.finish for chunk in answer.chunks[:-1])
        assert answer.last.usage is not None
        assert answer.last.usage.input_tokens > 0
        assert answer.last.usage.output_tokens > 0

    async def test_streams_piece_by_piece(self) -> None:
        async with self.playing(Play(text=_LONG)) as (provider, _):
            answer = await collect(provider, ask(stream=True))
        assert answer.text == _LONG
        assert len([chunk for chunk in answer.chunks if chunk.text]) > 1

    @streamed
    async def test_keeps_every_character(self, stream: bool) -> None:
        text = '你好，世界 👩‍👩‍👧 "quotes" \\ \n\n tabs\t ümläut \u2028 data: [DONE]'
        async with self.playing(Play()) as (provider, _):
            answer = await collect(provider, ask(text, stream=stream))
        assert answer.text == f"echo: {text}"

    @streamed
    async def test_tells_reasoning_from_the_answer(self, stream: bool) -> None:
        async with self.playing(Play(text="42", reasoning="six times seven")) as (provider, _):
            answer = await collect(provider, ask(stream=stream))
        assert answer.text == "42"
        assert "".join(chunk.reasoning for chunk in answer.chunks) in ("six times seven", "")

    @streamed
    async def test_stops_at_the_output_limit(self, stream: bool) -> None:
        async with self.playing(Play(text="word " * 50)) as (provider, _):
            answer = await collect(provider, ask(stream=stream, max_tokens=5))
        assert answer.last.finish == "length"
        assert len(answer.text) < 250

    @streamed
    async def test_asks_for_tools_and_takes_their_results(self, stream: bool) -> None:
        calls = [
            {"id": "call_1", "name": "weather", "arguments": '{"city": "北京"}'},
            {"id": "call_2", "name": "weather", "arguments": '{"city": "Bonn"}'},
        ]
        async with self.playing(Play(tool_calls=calls)) as (provider, _):
            request = ask("weather?", stream=stream, tools=(TOOL,))
            answer = await collect(provider, request)
            assert answer.last.finish == "tool_calls"
            wanted = [(call.name, json.loads(call.arguments)["city"]) for call in answer.last.tool_calls]
            assert wanted == [("weather", "北京"), ("weather", "Bonn")]
            request.messages += [said(answer), *results(answer, "sunny")]
            after = await collect(provider, request)
        assert after.last.finish == "stop"
        assert "sunny" in after.text

    @streamed
    async def test_answers_many_at_once(self, stream: bool) -> None:
        async def one(number: int) -> None:
            answers[number] = (await collect(provider, ask(f"question {number}", stream=stream))).text

        answers: dict[int, str] = {}
        async with self.playing(Play()) as (provider, _), anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(one, number)
        assert answers == {number: f"echo: question {number}" for number in range(20)}

    @streamed
    async def test_uses_its_connection_again(self, stream: bool) -> None:
        async with self.playing(Play()) as (provider, tap):
            for _ in range(3):
                await collect(provider, ask(stream=stream))
            assert tap.connections == 1

    @streamed
    @pytest.mark.parametrize(
        ("fault", "expected"),
        [
            ("bad_request", Rejected),
            ("bad_key", AuthFailed),
            ("no_model", Rejected),
            ("rate_limited", RateLimited),
            ("quota", QuotaExceeded),
            ("context", ContextOverflow),
            ("filtered", ContentFiltered),
            ("server_error", Overloaded),
            ("proxy_page", Overloaded),
        ],
    )
    async def test_refusals(self, fault: Fault, expected: type[VendorError], stream: bool) -> None:
        async with self.playing(Play(fault)) as (provider, _):
            with pytest.raises(VendorError) as caught:
                await collect(provider, ask(stream=stream))
        assert type(caught.value) is expected
        assert provider.name in str(caught.value)
        assert KEY not in str(caught.value)
        if isinstance(caught.value, RateLimited):
            assert caught.value.retry_after == 7

    async def test_garbage(self) -> None:
        async with self.playing(Play("garbage")) as (provider, _):
            with pytest.raises(Overloaded):
                await collect(provider, ask())
            with pytest.raises((Overloaded, Truncated)):
                await collect(provider, ask(stream=True))

    @pytest.mark.parametrize("fault", ["cut", "end_early"])
    async def test_a_stream_that_breaks_off_is_not_an_answer(self, fault: Fault) -> None:
        seen: list[str] = []
        async with self.playing(Play(fault, text=_LONG)) as (provider, _):
            with pytest.raises(Truncated):
                async for chunk in provider.chat(ask(stream=True)):
                    seen.append(chunk.text)  # noqa: PERF401 - what came before the break must be kept
        assert "".join(seen)
        assert _LONG.startswith("".join(seen))

    async def test_an_error_in_the_middle_of_a_stream(self) -> None:
        async with self.playing(Play("error_in_stream", text=_LONG)) as (provider, _):
            with pytest.raises(Overloaded):
                await collect(provider, ask(stream=True))

    @streamed
    async def test_a_vendor_that_does_not_answer(self, stream: bool) -> None:
        async with self.playing(Play("hang"), timeout=0.1) as (provider, tap):
            with pytest.raises(NetworkFailed) as caught:
                await collect(provider, ask(stream=stream))
            assert caught.value.sent
            await tap.all_closed()

    async def test_a_stream_that_stalls(self) -> None:
        async with self.playing(Play("stall", text=_LONG), timeout=0.1) as (provider, tap):
            with pytest.raises(NetworkFailed):
                await collect(provider, ask(stream=True))
            await tap.all_closed()

    @streamed
    async def test_keeps_the_deadline(self, stream: bool) -> None:
        async with self.playing(Play("hang")) as (provider, _):
            request = ask(stream=stream, deadline=anyio.current_time() + 0.1)
            with anyio.fail_after(PATIENCE), pytest.raises((NetworkFailed, TimedOut)):
                await collect(provider, request)

    @streamed
    async def test_does_not_begin_after_the_deadline(self, stream: bool) -> None:
        async with self.playing(Play()) as (provider, tap):
            with pytest.raises(MindBotError):
                await collect(provider, ask(stream=stream, deadline=anyio.current_time() - 1))
            assert tap.connections == 0

    @streamed
    async def test_hangs_up_when_cancelled(self, stream: bool) -> None:
        async with self.playing(Play("hang")) as (provider, tap):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(collect, provider, ask(stream=stream))
                await tap.one_opened()
                tasks.cancel_scope.cancel()
            await tap.all_closed()

    async def test_hangs_up_when_its_reader_leaves(self) -> None:
        async with self.playing(Play("stall", text=_LONG)) as (provider, tap):
            async with aclosing(provider.chat(ask(stream=True))) as chunks:
                async for _ in chunks:
                    break
            await tap.all_closed()

    async def test_an_unreachable_vendor_was_asked_nothing(self) -> None:
        async with self.vendor(Play()) as url, Tap(url).running() as tap:
            gone = tap.base_url
        async with HttpClient() as http:
            with pytest.raises(NetworkFailed) as caught:
                await collect(self.provider(gone, http, _PATIENCE), ask())
        assert not caught.value.sent
