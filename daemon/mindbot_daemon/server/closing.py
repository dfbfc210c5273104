"""Requests that outlast the daemon: told so, instead of being cut off."""

from __future__ import annotations

from http import HTTPStatus

from anyio import CancelScope
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mindbot.api.errors import problem_of
from mindbot.domain.errors import Unreachable


class Requests:
    """The open requests of one daemon."""

    def __init__(self) -> None:
        self.open: set[CancelScope] = set()

    def end(self) -> None:
        """End every one; those that have not begun to answer get a 503 that names their turn."""
        for scope in tuple(self.open):
            scope.cancel()


class Closing:
    """ASGI middleware that keeps account of open requests in ``requests``."""

    def __init__(self, app: ASGIApp, requests: Requests) -> None:
        self._app = app
        self._requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def noting(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        with CancelScope() as here:
            self._requests.open.add(here)
            try:
                await self._app(scope, receive, noting)
            finally:
                self._requests.open.discard(here)
        if here.cancelled_caught and not begun:
            await _stopping(scope)(scope, receive, send)


def _stopping(scope: Scope) -> JSONResponse:
    turn = str(scope.get("state", {}).get("turn", ""))
    what = f"the daemon stops, and turn {turn} goes on at its next start" if turn else "the daemon stops"
    hint = f"follow it then with: mindbot trace {turn}" if turn else "try again in a moment"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    return JSONResponse(problem_of(Unreachable(what, hint=hint), turn), status, {"connection": "close"})
