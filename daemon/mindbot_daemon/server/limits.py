"""Refuse a request that is too large while it arrives."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """ASGI middleware: a body over ``most`` bytes is answered with 413 and read no further.

    ``but`` has other limits for some paths.
    """

    def __init__(self, app: ASGIApp, most: int, but: Mapping[str, int]) -> None:
        self._app = app
        self._most = most
        self._but = but

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen = 0
        most = self._but.get(scope["path"], self._most)

        async def limited() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most:
                raise HTTPException(413, f"the body is over {most} bytes", {"connection": "close"})
            return message

        await self._app(scope, limited, send)
