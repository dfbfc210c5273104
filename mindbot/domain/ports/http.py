"""The one way out."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol


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
