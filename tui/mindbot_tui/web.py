"""The console in a browser: one console process for each viewer."""

from __future__ import annotations

import secrets
import shlex
import sys
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlsplit

from aiohttp import web
from textual_serve.server import Server

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ConsoleServer(Server):
    """Opens consoles only for its own page, in browsers that came by an address that it printed.

    Browsers let any page open a WebSocket to any address, this one included, and a console acts with our
    role: without the check, a page that an operator happens to read could type into it. And other users of
    this machine reach its loopback as we do: each printed address holds a secret and opens one browser, which
    keeps another secret as its cookie.
    """

    def __init__(self, command: str, host: str, port: int, public_url: str = "") -> None:
        super().__init__(command, host=host, port=port, title="MindBot", public_url=public_url or None)
        named = urlsplit(self.public_url)
        self._origins = {f"{named.scheme}://{named.netloc}"}
        if host in _LOOPBACK:
            self._origins |= {f"http://{name}:{port}" for name in _LOOPBACK}
        self._secure = named.scheme == "https"
        self._cookie = f"mindbot-{port}"  # cookies of one host hold for all of its ports
        self._browsers: set[str] = set()  # the secrets of those that were let in
        self._token = ""  # opens the next one

    async def on_startup(self, app: web.Application) -> None:
        """Say where it is."""
        self._invite("console on")

    def _invite(self, what: str) -> None:
        self._token = secrets.token_urlsafe(24)
        where = f"{self.public_url}/?token={self._token}"
        print(f"{what} {where} (opens one browser; Ctrl+C ends it)", file=sys.stderr, flush=True)

    async def _make_app(self) -> web.Application:
        """Let nobody to the page, the console or its files who did not come by a printed address."""
        app = await super()._make_app()
        app.middlewares.append(self._let_in)
        return app

    @web.middleware
    async def _let_in(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        token = request.query.get("token", "")
        if token and secrets.compare_digest(token.encode(), self._token.encode()):
            self._invite("opened; the next browser:")
            browser = secrets.token_urlsafe(24)
            self._browsers.add(browser)
            answer = web.HTTPSeeOther("." if request.path != "/" else self.public_url + "/")
            answer.set_cookie(
                self._cookie, browser, httponly=True, samesite="Strict", secure=self._secure, path="/"
            )
            answer.headers["Referrer-Policy"] = "no-referrer"
            raise answer
        if request.cookies.get(self._cookie, "") in self._browsers:
            return await handler(request)
        raise web.HTTPForbidden(
            text="It opens by the address that `mindbot tui --web` printed last; each opens one browser."
        )

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Refuse other pages."""
        if request.headers.get("Origin") not in self._origins:
            raise web.HTTPForbidden(text="this console is for its own page; is --public-url what you use?")
        response: web.WebSocketResponse = await super().handle_websocket(request)
        return response


def serve(options: Sequence[str], socket: str | None, host: str, port: int, public_url: str = "") -> None:
    """Serve until interrupted. Whoever opens a printed address acts as this process's user."""
    if host not in _LOOPBACK:
        print(f"what goes to and from {host}:{port} is readable on its way", file=sys.stderr)
    words = [sys.executable, "-m", "mindbot.cli.main"]
    words += [*(["--socket", socket] if socket else []), "tui", *options]
    ConsoleServer(shlex.join(words), host, port, public_url).serve()
