"""One call on its way through the session: how far it got, and what its failure means."""

from __future__ import annotations

import asyncio
import select
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

from mindbot.domain.errors import NetworkFailed, Rejected, Truncated, VendorError
from mindbot.http.guard import Allowed, check, safe_target

if TYPE_CHECKING:
    from aiohttp.client_middlewares import ClientHandlerType
    from aiohttp.connector import Connection

#: Linux reports a peer's FIN with POLLRDHUP even while unread data is waiting.
_PEER_CLOSED = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR
_STALE_TRIES = 3
#: What aiohttp raises for a call that cannot be sent (ValueError) or failed on the way.
ERRORS = (aiohttp.ClientError, OSError, ValueError)


@dataclass(frozen=True, slots=True)
class Call:
    """One finished call, for metrics and traces. ``took`` is seconds, ``size`` bytes of the answer.

    ``target`` is scheme, host and path. ``status`` is 0 without an answer; ``error`` is the code of what
    went wrong, also in the middle of an answer.
    """

    method: str
    target: str
    status: int
    took: float
    size: int
    error: str = ""


class Attempt:
    """A client middleware for one call: guards every hop and notes whether a byte was written."""

    __slots__ = ("_allowed", "method", "sent", "started", "url")

    def __init__(self, method: str, url: str, allowed: Allowed) -> None:
        self.method = method
        self.url = url
        self.sent = False
        self.started = time.perf_counter()
        self._allowed = allowed

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: ClientHandlerType
    ) -> aiohttp.ClientResponse:
        check(request.url, self._allowed)
        assert isinstance(request, Request)
        request.attempt = self
        tries = 0
        while True:
            tries += 1
            try:
                return await handler(request)
            except _Stale:
                if tries == _STALE_TRIES:
                    raise
                await asyncio.sleep(0)  # lets the loop see which other pooled connections are closed
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
                raise
            except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as exc:
                # Under these names aiohttp would send a GET or PUT again.
                raise _Lost from exc

    def __str__(self) -> str:
        return f"{self.method} {safe_target(self.url)}"

    def done(self, status: int, size: int, error: str = "") -> Call:
        """Return the record for the ``on_call`` hook."""
        took = time.perf_counter() - self.started
        return Call(self.method, safe_target(self.url), status, took, size, error)

    def failure(self, exc: BaseException) -> VendorError:
        """Translate aiohttp's error, whose text and arguments may hold secrets, into ours."""
        if isinstance(exc, ValueError | aiohttp.NonHttpUrlClientError):
            return Rejected(f"{self}: not a usable URL or header", code="bad_url")
        if isinstance(exc, aiohttp.TooManyRedirects):
            return Rejected(f"{self}: too many redirects", code="redirects")
        if isinstance(exc, TooLarge):
            return Rejected(f"{self}: an answer over {exc.limit} bytes", code="too_large")
        code, text = _explain(exc)
        return NetworkFailed(f"{self}: {text}", code=code, sent=self.sent)

    def broken(self, exc: BaseException) -> VendorError:
        """Translate an error that came while a streamed answer was being read."""
        code, text = _explain(exc)
        if code in ("cut", "disconnected"):
            return Truncated(f"{self}: {text}", code="cut")
        return self.failure(exc)


class Request(aiohttp.ClientRequest):
    """Marks its attempt as sent right before the first byte, unless the peer has hung up."""

    attempt: Attempt

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        if _peer_closed(conn):
            raise _Stale
        self.attempt.sent = True
        return await super().send(conn)


class TooLarge(aiohttp.ClientError):
    """The answer is longer than we are willing to hold."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit


class _Stale(aiohttp.ClientConnectionError):
    """The peer closed this connection before we wrote to it."""


class _Lost(aiohttp.ClientConnectionError):
    """The connection died after we had begun to write."""


def _peer_closed(conn: Connection) -> bool:
    transport = conn.transport
    if transport is None or transport.is_closing():
        return True
    poll = select.poll()
    poll.register(transport.get_extra_info("socket").fileno(), _PEER_CLOSED)
    return bool(poll.poll(0))


def _explain(exc: BaseException) -> tuple[str, str]:
    """Return a stable code and a few words; facts only, never the library's text."""
    match exc:
        case aiohttp.ClientSSLError():
            return "tls", "no trusted TLS connection"
        case aiohttp.ClientConnectorDNSError():
            return "dns", "the name does not resolve"
        case aiohttp.ClientProxyConnectionError():
            return "proxy", "the proxy does not answer"
        case aiohttp.ClientConnectorError():
            return "connect", f"no connection: {exc.os_error.strerror or 'refused'}"
        case aiohttp.ConnectionTimeoutError():
            return "connect_timeout", "no connection in time"
        case TimeoutError():
            return "timeout", "no answer in time"
        case aiohttp.ClientHttpProxyError():
            return "proxy", f"the proxy answered {exc.status}"
        case aiohttp.ClientPayloadError():
            return "cut", "the answer broke off"
        case _Stale():
            return "stale", "it keeps closing the connection"
        case _Lost() | ConnectionError() | aiohttp.ClientConnectionError():
            return "disconnected", "the connection closed without an answer"
        case aiohttp.ClientResponseError():
            return "garbage", "the answer is not HTTP"
        case _:
            return "network", type(exc).__name__
