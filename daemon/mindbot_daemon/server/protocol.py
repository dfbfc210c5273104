"""HTTP and WebSockets on the Unix socket, where each connection knows who made it."""

from __future__ import annotations

import asyncio
from typing import cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from mindbot_daemon.server.roles import peer_of
from mindbot_daemon.serving import GuardedProtocol


class PeerProtocol(GuardedProtocol):
    """Puts the peer into every request's state, where `auth.require` finds it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "peer": peer_of(transport.get_extra_info("socket"))}


class StreamProtocol(WebSocketsSansIOProtocol):
    """Also lets the app cut the connection off, for a peer that does not read: closing would wait for it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.app_state = {**self.app_state, "cut": cast(asyncio.Transport, transport).abort}
