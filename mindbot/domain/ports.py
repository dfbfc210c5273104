"""The seams: small protocols that components implement and the runtime wires together."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from mindbot.domain.chat import ChatRequest, Chunks
from mindbot.domain.delivery import Delivery, Sent
from mindbot.domain.message import Json, Message, Part
from mindbot.domain.turn import Turn


@dataclass(frozen=True, slots=True)
class Receipt:
    """A message is on disk: its turn, and whether it had been there before."""

    turn: int
    duplicate: bool = False


#: Returns once the message is on disk; raises StoreError when it is not, and then the platform gets no ack.
Receive = Callable[[Message], Awaitable[Receipt]]

#: Called by a component to say how it is: ("ok" | "starting" | "degraded" | "failed", reason).
Report = Callable[[str, str], None]


@runtime_checkable
class Platform(Protocol):
    """A chat network's adapter; one instance is one bot."""

    name: str  # the platform: wecom, dingtalk, …
    bot: str
    #: A second send of the same delivery is recognised by the platform and not shown twice.
    idempotent: bool

    async def run(self, receive: Receive, report: Report) -> None:
        """Live until cancelled; for a webhook platform, prove the credentials and then wait."""

    def plan(self, parts: Sequence[Part]) -> list[list[Part]]:
        """Split a reply into platform messages within the platform's limits. Pure."""

    def address(self, user: str) -> Json:
        """Return the ``reply_to`` that reaches a user without a message to answer."""

    async def send(self, delivery: Delivery) -> Sent:
        """Send one platform message.

        Raises:
            VendorError: ``retryable`` decides what the outbox does next; a NetworkFailed whose ``sent`` is
                true leaves the outcome unknown.
        """


@runtime_checkable
class Remembers(Protocol):
    """A platform that must know what it sent lately, also before this process began."""

    remembers: float  # seconds

    def remember(self, sent: Iterable[Delivery]) -> None:
        """Learn what was sent, oldest first."""


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A callback as it came. ``query`` is URL-decoded; header names are lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WebhookResponse:
    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"


@runtime_checkable
class Webhook(Protocol):
    """A platform that is called back over HTTP on a public port."""

    name: str
    bot: str
    host: str
    port: int
    max_body: int  # bytes

    async def callback(self, request: WebhookRequest, receive: Receive) -> WebhookResponse:
        """Answer one callback: verify, decrypt, `receive`, acknowledge. Never raises for bad input."""


class Provider(Protocol):
    """An LLM backend."""

    name: str

    def chat(self, request: ChatRequest) -> Chunks:
        """Yield chunks; the last carries ``finish`` and ``usage``. Raises VendorError subclasses."""


class Runner(Protocol):
    """What produces the answer of a turn."""

    def run(self, turn: Turn) -> Chunks:
        """Yield the answer."""


class Response(Protocol):
    """An HTTP answer, read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Decode the body; raises VendorError (Overloaded) on garbage."""


class StreamResponse(Protocol):
    """An HTTP answer that is still arriving."""

    status: int
    headers: Mapping[str, str]

    def lines(self) -> AsyncGenerator[bytes, None]:
        """Yield lines without their line ends; raises Truncated when the answer breaks off."""

    def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the body as it arrives; raises Truncated when the answer breaks off."""

    async def read(self) -> bytes:
        """Read the rest."""


@dataclass(frozen=True, slots=True)
class Way:
    """How to get to an address: whom to trust there (None: no TLS), and the proxy between (None: none).

    The proxy's address may hold its password.
    """

    tls: ssl.SSLContext | None
    proxy: str | None = field(repr=False)


class Http(Protocol):
    """The one way out. ``timeout`` is seconds for the whole call (or between chunks of a stream)."""

    def allow(self, base_url: str) -> None:
        """Let a configured base URL be reached although its address is private."""

    def way(self, url: str) -> Way:
        """Return how a WebSocket gets to this address; see `mindbot.http.websocket`."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30.0,
    ) -> Response:
        """Send and read the answer whole; raises NetworkFailed (with ``sent``), Forbidden, Rejected."""

    def stream(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        first_byte: float = 60.0,
        idle: float = 60.0,
        total: float = 600.0,
    ) -> AbstractAsyncContextManager[StreamResponse]:
        """Open a streamed answer; raises NetworkFailed. Leaving it early closes the connection."""


class Memo(Protocol):
    """Remembers steps marked `once` across a crash."""

    async def once(self, turn: Turn, key: str, step: Callable[[], Awaitable[Json]]) -> Json:
        """Return the recorded result of ``key``, or run the step and record it."""
