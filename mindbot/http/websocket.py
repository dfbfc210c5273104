"""WebSockets to a platform: the same trust, the same proxies and the same words as every other call."""

from __future__ import annotations

import anyio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    InvalidHandshake,
    InvalidProxyStatus,
    InvalidStatus,
    InvalidURI,
    WebSocketException,
)

from mindbot.domain.errors import NetworkFailed
from mindbot.domain.ports.http import Http
from mindbot.http.guard import safe_target
from mindbot.http.proxy import PROXY_ANSWERED, proxy_mend
from mindbot.http.tls import untrusted

_HANDSHAKE = 10.0  # seconds


async def open_websocket(
    http: Http, url: str, *, max_size: int, ping: float | None = None, timeout: float = _HANDSHAKE
) -> ClientConnection:
    """Connect. ``max_size`` is bytes of one message, ``ping`` seconds between two pings of the protocol.

    Raises:
        NetworkFailed: it could not be opened; the text names the address without its query.
    """
    proxied = False
    try:
        way = http.way(url)  # a platform told us this address: it may be none
        proxied = way.proxy is not None
        with anyio.fail_after(timeout):
            return await connect(
                url,
                ssl=way.tls,
                proxy=way.proxy,
                compression=None,  # a thousand connections: no compressor state for each
                max_size=max_size,
                open_timeout=None,
                ping_interval=ping,
                ping_timeout=ping / 2 if ping else None,
                close_timeout=1.0,
            )
    except (WebSocketException, OSError, TimeoutError, ValueError) as error:
        failure = _failure(error, safe_target(url), proxied=proxied)
    raise failure  # the library's text and cause may show the query or the proxy's password


def _failure(error: Exception, where: str, *, proxied: bool) -> NetworkFailed:
    by = " through the proxy" if proxied else ""
    if refused := untrusted(error):
        why, mend = refused
        return NetworkFailed(f"cannot connect to {where}{by}: {why}", hint=mend, code="tls", sent=False)
    if isinstance(error, InvalidProxyStatus):
        status = error.response.status_code
        return NetworkFailed(
            f"cannot connect to {where}: {PROXY_ANSWERED.format(status)}",
            hint=proxy_mend(status),
            code="proxy",
            sent=False,
        )
    if isinstance(error, InvalidStatus):
        why = f"the handshake was refused with HTTP {error.response.status_code}"
    elif isinstance(error, InvalidHandshake):
        why = f"the handshake was refused: {type(error).__name__}"
    elif isinstance(error, ValueError | InvalidURI):
        why = "that is no address of a WebSocket"
    elif isinstance(error, OSError) and error.strerror:
        why = error.strerror
    else:
        why = "no answer" if isinstance(error, TimeoutError) else type(error).__name__
    return NetworkFailed(f"cannot connect to {where}{by}: {why}", code="connect", sent=False)
