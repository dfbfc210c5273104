"""A peer: a TCP server on loopback that does exactly what a test tells it, byte by byte."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

import anyio
import pytest
from anyio.abc import SocketStream


@dataclass
class Wire:
    """One accepted connection."""

    stream: SocketStream
    peer: Peer

    async def request(self) -> bytes:
        """Read one request; empty when the client has closed."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += await self._more()
            if not data:
                return b""
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (int(x.split(b":")[1]) for x in head.lower().split(b"\r\n") if b"content-length" in x), 0
        )
        while len(body) < length:
            body += await self._more()
        self.peer.requests.append(head + b"\r\n\r\n" + body)
        return self.peer.requests[-1]

    async def _more(self) -> bytes:
        try:
            return await self.stream.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            return b""

    async def send(self, data: bytes) -> None:
        await self.stream.send(data)

    async def answer(self, body: bytes = b"{}", *, status: str = "200 OK", extra: bytes = b"") -> None:
        head = b"HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n" % (status.encode(), len(body), extra)
        await self.send(head + body)

    async def closed(self) -> None:
        """Wait until the client closes."""
        while await self._more():
            pass


@dataclass
class Peer:
    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


Script = Callable[[Wire], Awaitable[None]]
Peering = Callable[[Script], AbstractAsyncContextManager[Peer]]


@pytest.fixture
def peer() -> Peering:
    @asynccontextmanager
    async def start(script: Script) -> AsyncIterator[Peer]:
        here = Peer()

        async def serve(stream: SocketStream) -> None:
            here.connections += 1
            async with stream:
                await script(Wire(stream, here))

        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        async with listener, anyio.create_task_group() as tasks:
            here.port = listener.extra(anyio.abc.SocketAttribute.local_port)
            tasks.start_soon(listener.serve, serve)
            yield here
            tasks.cancel_scope.cancel()

    return start
