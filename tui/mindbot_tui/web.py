"""The console in a browser: one console process for each viewer."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

from aiohttp import web
from textual_serve.server import Server

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class ConsoleServer(Server):
    """Opens consoles only for its own page.

    Browsers let any page open a WebSocket to any address, this one included, and a console acts with our
    role: without the check, a page that an operator happens to read could type into it.
    """

    def __init__(self, command: str, host: str, port: int, public_url: str = "") -> None:
        super().__init__(command, host=host, port=port, title="MindBot", public_url=public_url or None)
        named = urlsplit(self.public_url)
        self._origins = {f"{named.scheme}://{named.netloc}"}
        if host in _LOOPBACK:
            self._origins |= {f"http://{name}:{port}" for name in _LOOPBACK}

    async def on_startup(self, app: web.Application) -> None:
        """Say where it is."""
        print(f"console on {self.public_url}; Ctrl+C ends it", file=sys.stderr, flush=True)

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Refuse other pages."""
        if request.headers.get("Origin") not in self._origins:
            raise web.HTTPForbidden(text="this console is for its own page; is --public-url what you use?")
        response: web.WebSocketResponse = await super().handle_websocket(request)
        return response


def serve(options: Sequence[str], socket: str | None, host: str, port: int, public_url: str = "") -> None:
    """Serve until interrupted. Whoever reaches the page acts as this process's user."""
    if host not in _LOOPBACK:
        print(f"anybody who reaches {host}:{port} gets a console with your role", file=sys.stderr)
    words = [sys.executable, "-m", "mindbot.cli.main"]
    words += [*(["--socket", socket] if socket else []), "tui", *options]
    ConsoleServer(shlex.join(words), host, port, public_url).serve()
