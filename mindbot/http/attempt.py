"""One call on its way through the session: how far it got, and what its failure means."""

from __future__ import annotations

import asyncio
import select
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

from mindbot.domain.errors import NetworkFailed, Rejected, Truncated, VendorError
from mindbot.http.guard import Allowed, check, check_name, safe_target
from mindbot.http.proxy import PROXY_ANSWERED, Proxies, Proxy, proxy_mend
from mindbot.http.tls import untrusted

if TYPE_CHECKING:
    from aiohttp.client_middlewares import ClientHandlerType
    from aiohttp.connector import Connection

#: Linux reports a peer's FIN with POLLRDHUP even while unread data is waiting.
_PEER_CLOSED = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR
_STALE_TRIES = 3
_PROXY_WANTS_CREDENTIALS = 407  # no server behind a proxy says so
#: What aiohttp raises for a call that cannot be sent (ValueError) or failed on the way.
ERRORS = (aiohttp.ClientError, OSError, ValueError)


@dataclass(frozen=True, slots=True)
class HttpCall:
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
    """A client middleware for one call: guards every hop, finds its way, notes whether a byte was written."""

    __slots__ = ("_allowed", "_proxies", "method", "sent", "started", "url")

    def __init__(self, method: str, url: str, allowed: Allowed, proxies: Proxies) -> None:
        self.method = method
        self.url = url
        self.sent = False
        self.started = time.perf_counter()
        self._allowed = allowed
        self._proxies = proxies

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: ClientHandlerType
    ) -> aiohttp.ClientResponse:
        check(request.url, self._allowed)
        assert isinstance(request, Request)
        request.attempt = self
        if (proxy := self._proxies.of(request.url)) is not None:
            await check_name(request.url, self._allowed)
            request.go_through(proxy)
        tries = 0
        while True:
            tries += 1
            try:
                answer = await handler(request)
                if answer.status == _PROXY_WANTS_CREDENTIALS and proxy is not None:
                    answer.close()
                    raise ProxyRefused(answer.status)
                return answer
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

    def done(self, status: int, size: int, error: str = "") -> HttpCall:
        """Return the record for the ``on_call`` hook."""
        took = time.perf_counter() - self.started
        return HttpCall(self.method, safe_target(self.url), status, took, size, error)

    def failure(self, exc: BaseException) -> VendorError:
        """Translate aiohttp's error, whose text and arguments may hold secrets, into ours."""
        if refused := untrusted(exc):  # before the next line: a certificate's error is a ValueError as well
            why, mend = refused
            return NetworkFailed(f"{self}: {why}", hint=mend, code="tls", sent=self.sent)
        if isinstance(exc, ProxyRefused | aiohttp.ClientHttpProxyError):
            what, mend = PROXY_ANSWERED.format(exc.status), proxy_mend(exc.status)
            return NetworkFailed(f"{self}: {what}", hint=mend, code="proxy", sent=False)
        if isinstance(exc, ValueError | aiohttp.NonHttpUrlClientError):
            return Rejected(f"{self}: not a usable URL or header", code="bad_url")
        if isinstance(exc, aiohttp.TooManyRedirects):
            return Rejected(f"{self}: too many redirects", code="redirects")
        if isinstance(exc, AnswerTooLong):
            return Rejected(f"{self}: an answer over {exc.limit} bytes", code="too_large")
        code, text = _explain(exc)
        return NetworkFailed(f"{self}: {text}", hint=_MENDS.get(code, ""), code=code, sent=self.sent)

    def broken(self, exc: BaseException) -> VendorError:
        """Translate an error that came while a streamed answer was being read."""
        code, text = _explain(exc)
        if code in ("cut", "disconnected"):
            return Truncated(f"{self}: {text}", code="cut")
        return self.failure(exc)


class Request(aiohttp.ClientRequest):
    """Marks its attempt as sent right before the first byte, unless the peer has hung up."""

    attempt: Attempt

    def go_through(self, proxy: Proxy) -> None:
        """Send it through a proxy: in its own form, or for TLS through a tunnel that the proxy opens."""
        headers = {"Host": self.headers["Host"]}
        if proxy.authorization and self.is_ssl():
            headers["Proxy-Authorization"] = proxy.authorization  # of the CONNECT alone
        elif proxy.authorization:
            self.headers["Proxy-Authorization"] = proxy.authorization
        self.update_proxy(proxy.url, None, headers)

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        if _peer_closed(conn):
            raise _Stale
        self.attempt.sent = True
        return await super().send(conn)


class AnswerTooLong(aiohttp.ClientError):
    """The answer is longer than we are willing to hold."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit


class ProxyRefused(aiohttp.ClientError):
    """The proxy itself answered, with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


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


#: By code of `_explain`: where to look. Of what went wrong later than the connection nobody here can tell.
_MENDS = {
    "tls": "a port that speaks plain HTTP looks like this: http:// in its address?",
    "dns": "check the name in the address, and this machine's DNS",
    "connect": "check the host and port of the address, and that the server runs",
    "connect_timeout": "check the host and port of the address, and what stands between: a firewall, a proxy",
}


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
