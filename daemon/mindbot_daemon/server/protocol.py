"""HTTP and WebSockets on the Unix socket, where each connection knows who made it."""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets import http11

from mindbot_daemon.server.roles import peer_of
from mindbot_daemon.serving import GuardedProtocol

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

_TEXT = 0x81  # a whole message in one frame
_BAD_HEAD = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: 32\r\nconnection: close\r\n\r\n"
    b"No handshake that can be read.\r\n"
)


# A line of a handshake's head may be as long as the whole head (websockets, "Environment variables":
# WEBSOCKETS_MAX_LINE_LENGTH; 8 KB as shipped): a filter is part of the first one.
http11.MAX_LINE_LENGTH = 64 << 10


class PeerProtocol(GuardedProtocol):
    """Puts the peer into every request's state, where `auth.require` finds it."""

    max_head = 64 << 10  # a filter of the longest kind, in Chinese, is 36 KB of an address

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "peer": peer_of(transport.get_extra_info("socket"))}


class StreamProtocol(WebSocketsSansIOProtocol):
    """Lets the app do two things that ASGI has no words for: see `Wire`."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.app_state = {**self.app_state, "wire": Wire(self)}

    def data_received(self, data: bytes) -> None:
        """Read on; a handshake that cannot be read is answered, and ends the connection.

        websockets only notes why it gave one up, and uvicorn 0.54 waits for what will never come.
        """
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated and not self.close_sent:
            self.handshake_complete = self.close_sent = True
            self.transport.write(_BAD_HEAD)
            self.transport.close()

    async def send(self, message: ASGISendEvent) -> None:
        """Send; an answer of HTTP instead of a WebSocket completes the handshake.

        Uvicorn 0.54 takes it for complete only when the connection is gone, and until then reports the app
        that has answered as one that has not.
        """
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and self.close_sent:
            self.handshake_complete = True


class Wire:
    """The way past ASGI to an open WebSocket."""

    def __init__(self, protocol: StreamProtocol) -> None:
        self._protocol = protocol

    async def send(self, text: bytes) -> None:
        """Send a text that is encoded already, and shared with other clients, without copying it.

        Raises:
            ClientDisconnected: nobody is there any more.
        """
        protocol = self._protocol
        await protocol.writable.wait()
        if protocol.disconnected or protocol.close_sent or protocol.transport.is_closing():
            raise ClientDisconnected
        protocol.transport.writelines((_head(len(text)), text))

    def cut(self) -> None:
        """End the connection at once: closing would wait for a peer that does not read."""
        self._protocol.transport.abort()


def _head(size: int) -> bytes:
    """Return the head of an unmasked text frame (RFC 6455, section 5.2)."""
    if size < 126:
        return struct.pack("!BB", _TEXT, size)
    return struct.pack("!BBH", _TEXT, 126, size) if size < 1 << 16 else struct.pack("!BBQ", _TEXT, 127, size)
