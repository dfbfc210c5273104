"""Servers that answer whatever they are asked with raw bytes: pages, drips, floods, silence."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import repeat

import anyio
import anyio.abc

OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
JSON = OK + b"Content-Type: application/json\r\n\r\n"
EVENTS = OK + b"Content-Type: text/event-stream\r\n\r\n"
_LENGTH = re.compile(rb"(?im)^content-length: *(\d+)")


class HostileServer:
    """Answers every request with the pieces of ``script``, ``pause`` seconds between two; then hangs up.

    A script without end goes on until the client leaves. ``sent`` counts the bytes that were taken.
    """

    def __init__(self, script: Iterator[bytes] | bytes, *, pause: float = 0.0) -> None:
        self.sent = 0
        self.base_url = ""
        self._script = script
        self._pause = pause

    @asynccontextmanager
    async def running(self) -> AsyncIterator[HostileServer]:
        """Serve while the block lasts, at ``base_url``."""
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 - not Django
        self.base_url = f"http://127.0.0.1:{port}"
        async with listener, anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, self._serve)
            yield self
            tasks.cancel_scope.cancel()

    async def _serve(self, stream: anyio.abc.SocketStream) -> None:
        async with stream:
            try:
                await _request(stream)
                pieces = iter((self._script,)) if isinstance(self._script, bytes) else self._script
                for piece in pieces:
                    await stream.send(piece)
                    self.sent += len(piece)
                    if self._pause:
                        await anyio.sleep(self._pause)
            except (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream):
                pass  # the client has hung up, as it should


async def _request(stream: anyio.abc.SocketStream) -> None:
    data = b""
    while b"\r\n\r\n" not in data:
        data += await stream.receive()
    head, _, body = data.partition(b"\r\n\r\n")
    found = _LENGTH.search(head)
    left = (int(found[1]) if found else 0) - len(body)
    while left > 0:
        left -= len(await stream.receive())


def endless(head: bytes, piece: bytes) -> Iterator[bytes]:
    """Return a script that never ends."""
    yield head
    yield from repeat(piece)
