"""HTTP and WebSockets on the Unix socket, where each connection knows who made it."""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from mindbot_daemon.server.roles import peer_of
from mindbot_daemon.serving import GuardedProtocol

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

_TEXT = 0x81  # a whole message in one frame


class PeerProtocol(GuardedProtocol):
    """Puts the peer into every request's state, where `auth.require` finds it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "peer": peer_of(transport.get_extra_info("socket"))}


class StreamProtocol(WebSocketsSansIOProtocol):
    """Lets the app do two things that ASGI has no words for: see `Wire`."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.app_state = {**self.app_state, "wire": Wire(self)}

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
