"""Frames and their answers on a long connection, told apart by request ids.

Source: WeCom developer centre, "AI bot long connection" (path/101463), and the official SDKs (npm
@wecom/aibot-node-sdk, PyPI wecom-aibot-python-sdk): frames of one request id are sent one after the other.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import structlog
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from mindbot.domain import fields
from mindbot.domain.errors import NetworkFailed
from mindbot.domain.message import Json
from mindbot.platforms.wecombot.errors import error_for

log = structlog.get_logger("mindbot.platforms.wecombot")

_LATE = 0.5  # seconds in which the answer to a frame follows one to the frame before it that came too late
_NO_CODE = -(1 << 62)
_KEPT = 10_000  # request ids
_SLOWEST = 64 << 10  # bytes a second of a frame that a connection takes at least


@dataclass(slots=True)
class _Asked:
    """Who waits for the answers to one request id."""

    lock: anyio.Lock = field(default_factory=anyio.Lock)
    users: int = 0
    late: int = 0  # answers that may still come to frames nobody waits for any more
    answers: list[Json] = field(default_factory=list)
    came: anyio.Event = field(default_factory=anyio.Event)


class Exchange:
    """Sends frames over whatever connection there is. ``answer`` is how many seconds WeCom may take."""

    def __init__(self, answer: float) -> None:
        self._answer = answer
        self._writing = anyio.Lock(fast_acquire=True)  # one frame at a time: see `_write`
        self._asked: dict[str, _Asked] = {}
        self.socket: ClientConnection | None = None

    def use(self, socket: ClientConnection | None) -> None:
        """Send over another connection; nothing more will be answered on the one before."""
        self.socket = socket
        for asked in self._asked.values():
            asked.came.set()

    def answered(self, id: str, frame: Json) -> None:
        """Hand an answer to whoever waits for it; those that nobody waits for are left."""
        if (asked := self._asked.get(id)) is not None:
            asked.answers.append(frame)
            asked.came.set()

    async def exchange(self, command: str, id: str, body: Json | None) -> Json:
        """Send one frame and return the body of its answer; frames of one id never overtake each other.

        Raises:
            NetworkFailed: no connection (``sent`` false), or no answer.
            VendorError: WeCom refused it.
        """
        async with self._turn_of(id) as asked:
            socket = self.socket
            if socket is None:
                raise NetworkFailed(f"{command}: not connected", sent=False)
            asked.answers.clear()
            asked.came = anyio.Event()
            frame: dict[str, Any] = {"cmd": command, "headers": {"req_id": id}}
            if body is not None:
                frame["body"] = body
            text = json.dumps(frame)  # ASCII: whatever an id holds, the connection can carry it
            allowed = self._answer + len(text) / _SLOWEST
            await self._write(socket, command, text, allowed)
            try:
                answer = await self._first(asked, allowed)
            except anyio.get_cancelled_exc_class():  # its answer may come when the next frame waits for one
                asked.late += 1
                raise
            if answer is None:
                if self.socket is not socket:
                    raise NetworkFailed(f"{command}: the connection was lost before the answer", sent=True)
                asked.late += 1
                raise NetworkFailed(f"{command}: no answer in {allowed:.2g}s", sent=True)
            if (
                asked.late
            ):  # one of two is the answer to an earlier frame, nobody knows which: the worse counts
                asked.late -= 1
                other = await self._first(asked, _LATE)
                if other is not None and _code_of(answer) == 0:
                    answer = other
        code = _code_of(answer)
        if code is None:
            raise NetworkFailed(f"{command}: the answer has no errcode", sent=True)
        if code:
            raise error_for(code, fields.text(answer.get("errmsg")), command)
        return fields.mapping(answer.get("body"))

    async def _write(self, socket: ClientConnection, command: str, text: str, seconds: float) -> None:
        """Write one frame; a connection that does not take it in time is broken off, and another one made.

        A frame that waits for room is the last one written, so its end has not left: ``sent`` is false.

        Raises:
            NetworkFailed: the connection is lost.
        """
        begun = False
        try:
            with anyio.move_on_after(seconds) as late:
                async with self._writing:
                    if socket.transport.is_closing():
                        raise NetworkFailed(f"{command}: the connection was lost", sent=False)
                    begun = True
                    await socket.send(text)
        except ConnectionClosed as closed:
            raise NetworkFailed(f"{command}: the connection was lost", sent=False) from closed
        if late.cancelled_caught:
            sent = begun and not socket.paused
            if begun:
                log.info("connection took no frame, replacing it", command=command, seconds=round(seconds, 1))
                socket.transport.abort()
            raise NetworkFailed(f"{command}: the connection took nothing for {seconds:.2g}s", sent=sent)

    async def _first(self, asked: _Asked, seconds: float) -> Json | None:
        """Return the next answer; None when there is none in time or the connection ended."""
        if not asked.answers:
            with anyio.move_on_after(seconds):
                await asked.came.wait()
        asked.came = anyio.Event()
        return asked.answers.pop(0) if asked.answers else None

    @asynccontextmanager
    async def _turn_of(self, id: str) -> AsyncIterator[_Asked]:
        asked = self._asked.setdefault(id, _Asked())
        asked.users += 1
        try:
            async with asked.lock:
                yield asked
        finally:
            asked.users -= 1
            if not asked.users and not asked.late:
                del self._asked[id]
            elif len(self._asked) > _KEPT:
                self._asked = {k: v for k, v in self._asked.items() if v.users}


def _code_of(answer: Json) -> int | None:
    """Return an answer's code, 0 where it has none; None where it has something else in its place."""
    if (told := answer.get("errcode")) is None:
        return 0
    code = fields.whole(told, _NO_CODE)
    return None if code == _NO_CODE else code


def new_id(command: str) -> str:
    """Return a request id as the official SDKs make them."""
    return f"{command}_{time.time_ns() // 1_000_000}_{os.urandom(4).hex()}"
