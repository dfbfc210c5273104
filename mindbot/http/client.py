"""Every call to a vendor or platform goes through one shared aiohttp session.

What this adds to aiohttp:

- a failure says whether the request may have reached the other side (`NetworkFailed.sent`): the outbox and
  the retry policy decide by that;
- a keep-alive connection that the peer has already closed is replaced before a byte is written; nothing is
  sent twice behind the caller's back;
- private, loopback, link-local and metadata addresses are refused, before and after DNS and on redirects,
  except those of configured base URLs (`HttpClient.allow`);
- no error text and no hook carries a query string or user info: tokens live there.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any

import aiohttp
import orjson
from yarl import URL

from mindbot.deadlines import Within
from mindbot.domain.errors import NetworkFailed, Rejected, VendorError
from mindbot.domain.plain import tight
from mindbot.domain.ports.http import Way
from mindbot.http.answers import HttpResponse, HttpStream, read_whole
from mindbot.http.attempt import ERRORS, Attempt, HttpCall, Request
from mindbot.http.connector import Connector
from mindbot.http.guard import Allowed, GuardedResolver, safe_target
from mindbot.http.proxy import Proxies
from mindbot.http.sealed import why_sealed
from mindbot.http.tls import context


class HttpClient:
    """Implements the `Http` port. Times are seconds, sizes bytes. Build it anywhere, use it in one loop.

    ``per_host`` bounds the connections to one host; a call that finds none free waits ``pool_wait`` at most,
    ``connect`` included. ``proxies`` says which calls go through a proxy, ``tls`` (made at the first call)
    whom to trust. A proxy resolves names itself: those that mean a private address here are refused before.
    ``on_call`` is told of every finished call and must be quick.
    """

    def __init__(
        self,
        *,
        per_host: int = 1000,
        connect: float = 5.0,
        pool_wait: float = 10.0,
        keepalive: float = 30.0,
        max_body: int = 32 << 20,
        max_line: int = 4 << 20,
        proxies: Proxies | None = None,
        tls: Callable[[], ssl.SSLContext] = context,
        on_call: Callable[[HttpCall], None] | None = None,
    ) -> None:
        self._per_host = per_host
        self._connect = connect
        self._pool_wait = pool_wait
        self._keepalive = keepalive
        self._max_body = max_body
        self._max_line = max_line
        self._make_tls = tls
        self._tls: ssl.SSLContext | None = None
        self._on_call = on_call
        self._allowed: Allowed = set()
        self._session: aiohttp.ClientSession | None = None
        self._closed = False
        self.use(proxies or Proxies())

    def use(self, proxies: Proxies) -> None:
        """Take these proxies from now on; before the first call."""
        self._proxies = proxies
        self._ways: Allowed = {(p.url.raw_host or "", p.url.port or 0) for p in proxies.all}

    def way(self, url: str) -> Way:
        """Return how a WebSocket gets to this address."""
        proxy = self._proxies.of(URL(url))
        return Way(self.trust() if url.startswith("wss:") else None, proxy.whole if proxy else None)

    def trust(self) -> ssl.SSLContext:
        """Return whom calls trust, made at the first time; raises ConfigError."""
        self._tls = self._tls or self._make_tls()
        return self._tls

    def allow(self, base_url: str) -> None:
        """Let calls to the host and port of a configured base URL pass the guard, private or not.

        Raises:
            Rejected: it is not an absolute URL.
        """
        try:
            url = URL(base_url)
        except ValueError:
            url = URL()
        if url.raw_host is None or url.port is None:
            raise Rejected(f"not a usable base URL: {safe_target(base_url)}", code="bad_url")
        self._allowed.add((url.raw_host, url.port))

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
        redirects: int = 0,
    ) -> HttpResponse:
        """Send and read the answer whole, whatever its status.

        ``data`` is bytes, text, a form mapping or an `aiohttp.FormData`. Up to ``redirects`` are followed,
        other than Authorization with all headers: follow none with a secret.

        Raises:
            NetworkFailed: no usable answer within ``timeout``.
            Forbidden: the address is private and not that of a configured base URL.
            Rejected: the URL is unusable, or the answer larger than ``max_body``.
        """
        attempt = Attempt(method, url, self._allowed, self._proxies)
        session = self._open(attempt)
        if json is not None:
            data, headers = tight(orjson.dumps(json)), _as_json(headers)
        try:
            async with session.request(
                method,
                _with_query(url, tuple(params.items())) if params else url,
                data=data,
                headers=headers,
                timeout=self._limits(timeout),
                allow_redirects=redirects > 0,
                max_redirects=redirects + 1,
                middlewares=(attempt,),
            ) as answer:
                body = await read_whole(answer, self._max_body)
        except ERRORS as exc:
            failure = attempt.failure(exc)
        else:
            if self._on_call is not None:
                self._on_call(attempt.done(answer.status, len(body)))
            return HttpResponse(answer.status, answer.headers, body, attempt)
        raise self._told(attempt, failure)

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        first_byte: float = 60.0,
        idle: float = 60.0,
        total: float = 600.0,
    ) -> AsyncIterator[HttpStream]:
        """Open an answer to read as it arrives. Leaving before its end closes the connection.

        ``first_byte`` bounds the wait for the body to begin, ``idle`` every later gap, ``total`` everything.
        Raises like `request`; redirects are not followed.
        """
        attempt = Attempt(method, url, self._allowed, self._proxies)
        session = self._open(attempt)
        data = None
        if json is not None:
            data, headers = tight(orjson.dumps(json)), _as_json(headers)
        answer, failure = None, None
        try:
            # Of its own: with each 1xx and each header that trickles in, aiohttp's patience begins anew.
            with Within(self._pool_wait + first_byte):
                answer = await session.request(
                    method,
                    url,
                    data=data,
                    headers=headers,
                    timeout=self._limits(total, first_byte),
                    allow_redirects=False,
                    middlewares=(attempt,),
                )
        except ERRORS as exc:
            failure = attempt.failure(exc)
        if failure is not None:
            raise self._told(attempt, failure)
        assert answer is not None
        stream = HttpStream(answer, attempt, idle=idle, max_line=self._max_line, max_body=self._max_body)
        try:
            yield stream
            await stream.drain()
        finally:
            answer.close()  # an answer read to its end has given its connection back already
            if self._on_call is not None:
                self._on_call(attempt.done(stream.status, stream.size, stream.error))

    async def aclose(self) -> None:
        """Close every connection; later calls fail unsent."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    async def __aenter__(self) -> HttpClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _open(self, attempt: Attempt) -> aiohttp.ClientSession:
        if why := why_sealed():
            raise Rejected(f"{attempt}: not asked: {why}", code="sealed")
        if self._closed:
            raise NetworkFailed(f"{attempt}: shutting down", code="closed", sent=False)
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=Connector(
                    limit=0,
                    limit_per_host=self._per_host,
                    keepalive_timeout=self._keepalive,
                    ttl_dns_cache=30,
                    resolver=GuardedResolver(self._allowed, self._ways),
                    ssl=self.trust(),
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                request_class=Request,
                headers={"User-Agent": "MindBot"},
            )
        return self._session

    @lru_cache(maxsize=64)  # noqa: B019 - one client a process; what is left of a deadline is always another number
    def _limits(self, total: float, read: float | None = None) -> aiohttp.ClientTimeout:
        total = max(total, 0.001)  # aiohttp takes 0 for no limit
        return aiohttp.ClientTimeout(
            total=total, connect=self._pool_wait, sock_connect=self._connect, sock_read=read
        )

    def _told(self, attempt: Attempt, failure: VendorError) -> VendorError:
        if self._on_call is not None:
            self._on_call(attempt.done(0, 0, failure.code))
        return failure


@lru_cache(maxsize=64)
def _with_query(url: str, params: tuple[tuple[str, str], ...]) -> URL:
    """Return an address with its query; raises ValueError.

    Platforms are called at a few addresses with one access token, and what aiohttp asks of an address (its
    authority, its path with the query) is worked out once for each object.
    """
    return URL(url).extend_query(params)


def _as_json(headers: Mapping[str, str] | None) -> Mapping[str, str]:
    return (
        {"Content-Type": "application/json", **headers} if headers else {"Content-Type": "application/json"}
    )
