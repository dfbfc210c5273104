"""What the contract of providers plays with: a vendor that behaves as told, a tap, questions and answers."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import ClassVar, Literal
from urllib.parse import urlsplit, urlunsplit

import anyio
import anyio.abc
import pytest

from mindbot.domain.chat import (
    ChatMessage,
    ChatRequest,
    Chunk,
    Text,
    Tool,
    ToolResult,
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
#: A picture of one black pixel.
DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABAQAAAAA3bvkkAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
#: Seconds that a provider under test waits, where nothing else is said.
LENIENT = 30.0
#: Seconds that an idle connection is kept where a test waits until none is open: the call that stops an
#: answer leaves one. A connection that still waits for an answer is not idle, however short this is.
SHORT = 0.1
#: Long enough for a break in its middle, whatever a provider holds back at the beginning to look at.
LONG = "a rather long answer that takes many pieces, and of which some have been said when it breaks off"


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


class PlayedProvider:
    """A provider under test: every test gets a fresh vendor, HTTP client and provider."""

    pytestmark = pytest.mark.anyio
    #: What the vendor has; what it lacks is not tested.
    tools: ClassVar[bool] = True
    images: ClassVar[bool] = True
    output_limit: ClassVar[bool] = True
    #: Failures that it has no words for.
    unheard_of: ClassVar[frozenset[Fault]] = frozenset()

    def vendor(self, play: Play) -> AbstractAsyncContextManager[str]:
        """Run the vendor's simulator, behaving as told; yields its base URL."""
        raise NotImplementedError

    def provider(self, base_url: str, http: Http, timeout: float) -> Provider:
        """Return the provider under test, with `KEY`, a model, and ``timeout`` seconds of patience."""
        raise NotImplementedError

    @asynccontextmanager
    async def playing(
        self, play: Play, timeout: float = LENIENT, keepalive: float = LENIENT
    ) -> AsyncIterator[tuple[Provider, Tap]]:
        """Yield the provider and its tap; an idle connection is kept for ``keepalive`` seconds."""
        client = HttpClient(keepalive=keepalive)
        async with self.vendor(play) as url, Tap(url).running() as tap, client as http:
            yield self.provider(tap.base_url, http, timeout), tap

    def needs_tools(self) -> None:
        """Skip a test that is none of this vendor's."""
        if not self.tools:
            pytest.skip("the vendor has no tools")

    def needs_output_limit(self) -> None:
        """Skip a test that is none of this vendor's."""
        if not self.output_limit:
            pytest.skip("the vendor cannot be told how long an answer may be")

    def needs_failure(self, fault: Fault) -> None:
        """Skip a test about a failure that this vendor does not know."""
        if fault in self.unheard_of:
            pytest.skip(f"the vendor has no such failure: {fault}")
