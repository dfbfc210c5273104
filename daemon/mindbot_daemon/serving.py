"""uvicorn, reduced to what a daemon with its own signals, sockets and logs needs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Generator
from typing import Any

import uvicorn
from anyio import CancelScope, Event, move_on_after
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Its warnings are one line for each malformed request, which is the sender's choice, not ours.
logging.getLogger("uvicorn.error").setLevel(logging.ERROR)

MOST_FROM_CLIENT = 64 << 10  # bytes in one WebSocket message
_TOO_LARGE = "The request head is too large."


class GuardedProtocol(HttpToolsProtocol):
    """HTTP/1.1 that gives a request a few seconds to arrive, and its head and what follows its body a size.

    httptools bounds none of them, so a client that sends a byte a minute, or headers without end, would hold
    a connection or memory for ever. What follows a body in chunks (RFC 9112, 7.1.2) are headers as well, and
    a line without an end is copied anew with each read.
    """

    max_head = 32 << 10  # bytes
    max_unread = 64 << 20  # bytes that are read of a body nobody wants, before the connection is cut
    patience = 10.0  # seconds for one whole request, body included

    _head = 0  # bytes of the head, and of what follows the body, that have been parsed
    _unparsed = 0  # bytes read of a line that has not ended, as far as they are certainly of it
    _within = False  # whether a request has begun and not ended
    _moved = False  # whether what is being read began a request, or brought a piece of a body
    _deadline: asyncio.TimerHandle | None = None
    _unread: int | None = None  # bytes of such a body so far; None: the connection goes on

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_request()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head = self._unparsed = 0
        self._within = self._moved = True
        self._expect_request()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._count(len(name) + len(value) + 4)  # colon, blank, line end

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if self.cycle is not None and self.cycle.transport is self.transport:
            self.cycle.transport = _Answering(self)  # type: ignore[assignment]

    def end(self) -> None:
        """Close after an answer; where its request still arrives, once the client has heard it and hung up.

        A client that is cut off while it sends may never read why (RFC 9112, 9.6): what it still sends is
        read and thrown away, as long as a request may take.
        """
        if self._within and self._unread is None and self.transport.can_write_eof():
            self._unread = 0
            self.transport.write_eof()
            self.flow.resume_reading()
        else:
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        if self._unread is not None:
            self._unread += len(data)
            if self._unread > self.max_unread:
                self.transport.close()
            return
        before = self._head
        self._moved = False
        super().data_received(data)
        if not self._within or self.transport.is_closing():
            return
        # Of what begins a head, or ends a piece of a body, the part before is no line.
        self._unparsed = 0 if self._moved or self._head != before else self._unparsed + len(data)
        if self._head + self._unparsed > self.max_head:
            self.send_400_response(_TOO_LARGE)

    def send_400_response(self, msg: str) -> None:
        super().send_400_response(_TOO_LARGE if self._head > self.max_head else msg)

    def on_body(self, body: bytes) -> None:
        self._moved = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._within = False
        self._request_arrived()
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._request_arrived()
        super().connection_lost(exc)

    def _count(self, size: int) -> None:
        """Count a part of the head; ends the parsing of one that is too large, however it came."""
        self._head += size
        if self._head > self.max_head:
            raise ValueError(_TOO_LARGE)  # httptools makes a parser's error of it, and uvicorn a 400

    def _expect_request(self) -> None:
        self._request_arrived()
        self._deadline = self.loop.call_later(self.patience, self._give_up)

    def _request_arrived(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


class _Answering:
    """A connection as the answer to one request sees it: closing it is the protocol's affair."""

    def __init__(self, protocol: GuardedProtocol) -> None:
        self._protocol = protocol
        self.write = protocol.transport.write
        self.is_closing = protocol.transport.is_closing

    def close(self) -> None:
        self._protocol.end()


class HttpServer(uvicorn.Server):
    """One listening socket and an ASGI app on it. Run it in a task group; `stop` it from anywhere.

    ``grace`` is how many seconds open requests get at the end.
    """

    def __init__(
        self,
        app: Any,
        listener: socket.socket,
        *,
        protocol: type[GuardedProtocol] = GuardedProtocol,
        websockets: type[asyncio.Protocol] | None = None,
        keep_alive: int = 30,
        grace: int = 5,
    ) -> None:
        config = uvicorn.Config(
            app,
            http=protocol,
            ws=websockets or "none",
            ws_max_size=MOST_FROM_CLIENT,
            ws_ping_interval=None,  # on one machine the kernel tells when the other end is gone
            ws_per_message_deflate=False,  # costs half the throughput and saves nothing there
            loop="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=keep_alive,
            timeout_graceful_shutdown=grace,
            backlog=2048,
        )
        super().__init__(config)
        self.listener = listener
        self.listening = Event()
        self._stop = Event()
        self._stopped = Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave signals to the daemon."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    async def main_loop(self) -> None:
        """Bring the date header up to date once a second; uvicorn's own loop wakes ten times."""
        while not await self.on_tick(0):
            with move_on_after(1.0):
                await self._stop.wait()

    async def run_until_stopped(self) -> None:
        """Serve until `stop`, then let open requests end; when cancelled, cut them off."""
        try:
            await self.serve(sockets=[self.listener])
        finally:
            self._stopped.set()
            if self.started:
                for server in self.servers:
                    server.close()
            self.listener.close()

    async def stop(self) -> None:
        """Accept nothing more and wait until open requests have been answered."""
        self.should_exit = True
        self._stop.set()
        with CancelScope(shield=True), move_on_after(self.config.timeout_graceful_shutdown):
            await self._stopped.wait()
