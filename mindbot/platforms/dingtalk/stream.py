"""Stream mode: WebSocket connections that are kept up, frames that are acknowledged once on disk.

Source: "Stream protocol" (open-dingtalk.github.io/developerpedia/docs/learn/stream/protocol). Every push goes
to one live connection; a message without an ack comes again with another messageId.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import anyio
import structlog
from anyio.abc import TaskGroup
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from mindbot.domain import fields, plain
from mindbot.domain.errors import AuthFailed, Invalid, MindBotError, RateLimited
from mindbot.domain.message import Json
from mindbot.domain.ports.http import Http
from mindbot.http.websocket import open_websocket
from mindbot.platforms.dingtalk import wire
from mindbot.platforms.split import printable

log = structlog.get_logger("mindbot.platforms.dingtalk")

#: Handles one frame's data; returns what the ack carries, or None for no ack at all. What it raises means
#: that the frame's content is not on disk.
Handle = Callable[[str, Json, str], Awaitable[Json | None]]
Open = Callable[[], Awaitable[tuple[str, str]]]

_DRAIN = 15.0  # seconds an old connection is still read once its successor is up; DingTalk closes after ten
_STEADY = 5.0  # seconds after which a connection counts as having worked
_MAX_WAIT = 30.0
_CREDENTIALS_WAIT = 60.0
_MAX_FRAME = 4 << 20  # bytes


@dataclass(slots=True)
class Line:
    """One of the bot's connections, for people to see. ``since`` is Unix seconds."""

    n: int
    state: str = "connecting"
    reason: str = ""
    since: float = 0.0
    opened: int = 0
    error: MindBotError | None = None  # why it could not be opened

    def become(self, state: str, reason: str = "") -> None:
        if (state, reason) != (self.state, self.reason):
            self.state, self.reason, self.since = state, reason, time.time()


class Stream:
    """A bot's connections. ``changed`` is called whenever the state of one changes.

    Frames are handled beside the connections: neither a lost connection nor one that is to be replaced waits
    for what is still being stored, and an ack that finds its connection gone is the platform's to ask for.
    """

    def __init__(
        self,
        http: Http,
        open: Open,
        handle: Handle,
        changed: Callable[[], None],
        *,
        connections: int = 1,
        idle: float = 60.0,
        ping: float = 20.0,
        backoff: float = 0.3,
        nack: bool = False,
        at_once: int = 2000,
    ) -> None:
        """``idle`` and ``ping`` are seconds (see the settings); ``backoff`` is the first wait.

        ``nack`` says of a frame that is not on disk with code 500 what silence says otherwise. Of more than
        ``at_once`` frames that are being stored, the rest is left to be pushed again.
        """
        self._http = http
        self._open = open
        self._handle = handle
        self._changed = changed
        self._idle = idle
        self._ping = ping
        self._backoff = backoff
        self._nack = nack
        self._at_once = at_once
        self.lines = [Line(n) for n in range(connections)]
        self.received = self.acked = self.swaps = self.lost = self.left = self.unread = 0
        self._handled = 0
        self._mended = anyio.Event()
        self._tasks: TaskGroup | None = None

    async def run(self) -> None:
        """Keep the connections up until cancelled."""
        try:
            async with anyio.create_task_group() as tasks:
                self._tasks = tasks
                for line in self.lines:
                    tasks.start_soon(self._keep, line, tasks)
        finally:
            for line in self.lines:
                line.become("closed")

    def again(self) -> bool:
        """Credentials are accepted: connect at once where they were refused; returns whether that is so."""
        if not any(line.state == "needs credentials" for line in self.lines):
            return False
        self._mended.set()
        self._mended = anyio.Event()
        return True

    async def _keep(self, line: Line, tasks: TaskGroup) -> None:
        """Keep one connection up: at once again after a loss, then with growing waits and no end."""
        failures = 0
        leaving: anyio.CancelScope | None = None  # the connection before, while it is still read
        while True:
            try:
                socket = await self._connect()
            except MindBotError as error:
                failures += 1
                state = "needs credentials" if isinstance(error, AuthFailed) else "disconnected"
                line.error = error
                line.become(state, str(error))
                self._changed()
                with anyio.move_on_after(self._wait(failures, error)):
                    await self._mended.wait()
                continue
            if leaving is not None:
                leaving.deadline = anyio.current_time() + _DRAIN
                leaving = None
            line.opened += 1
            line.error = None
            line.become("connected")
            self._changed()
            began = anyio.current_time()
            loss = await self._live(socket, line)
            if loss is None:
                self.swaps += 1
                leaving = anyio.CancelScope()
                tasks.start_soon(self._drain, socket, leaving)
            else:
                self.lost += 1
                line.become("disconnected", f"the connection was lost: {loss}")
                self._changed()
            steady = anyio.current_time() - began >= _STEADY
            failures = 0 if steady else failures + 1
            if failures > 1:
                await anyio.sleep(self._wait(failures - 1, None))

    def _wait(self, failures: int, error: MindBotError | None) -> float:
        if isinstance(error, AuthFailed):
            return _CREDENTIALS_WAIT * random.uniform(0.5, 1.0)
        wait = min(_MAX_WAIT, self._backoff * 2.0 ** min(failures - 1, 10)) * random.uniform(0.5, 1.0)
        return max(wait, error.retry_after) if isinstance(error, RateLimited) else wait

    async def _connect(self) -> ClientConnection:
        """Open one connection; raises VendorError."""
        endpoint, ticket = await self._open()
        url = f"{endpoint}?ticket={quote(ticket, safe='')}"
        return await open_websocket(self._http, url, max_size=_MAX_FRAME, ping=self._ping)

    async def _live(self, socket: ClientConnection, line: Line) -> str | None:
        """Read until the connection is lost, and return why; or until it must be replaced: None."""
        replace = False
        try:
            while not replace:
                with anyio.move_on_after(self._idle) as silence:
                    text = await socket.recv(decode=False)
                if silence.cancelled_caught:
                    log.info("stream connection was silent, replacing it", line=line.n, idle_s=self._idle)
                    replace = True
                else:
                    replace = self._frame(socket, text)
        except ConnectionClosed as closed:
            return str(closed)
        finally:
            if not replace:
                await _gone(socket)
        return None

    async def _drain(self, socket: ClientConnection, scope: anyio.CancelScope) -> None:
        """Take what an old connection still brings until the other side closes it.

        ``scope`` gets its end when the successor is up: until then this one may be all there is.
        """
        try:
            with scope:
                while True:
                    self._frame(socket, await socket.recv(decode=False))
        except ConnectionClosed:
            pass
        finally:
            await _gone(socket)

    def _frame(self, socket: ClientConnection, text: bytes) -> bool:
        """Start handling one frame; returns whether it told us to disconnect.

        Frames are handled side by side, begun in the order they came. What is no frame cannot be
        acknowledged: it is counted, told and left.
        """
        try:
            frame = fields.mapping(plain.loads(text))
        except ValueError:
            frame = {}
        headers = fields.mapping(frame.get("headers"))
        topic = fields.text(headers.get("topic"))
        if not topic:
            self._unread("not a frame", text=repr(text[:200]))
            return False
        assert self._tasks is not None
        if frame.get("type") == "SYSTEM":
            if topic == "disconnect":
                return True
            if topic == "ping":
                self._tasks.start_soon(self._answer, socket, headers, frame.get("data"))
            return False
        self.received += 1
        if self._handled >= self._at_once:
            self.left += 1
            log.warning("too many frames wait to be stored, one is left to come again", topic=topic)
            return False
        self._handled += 1
        self._tasks.start_soon(self._take, socket, frame.get("type"), topic, headers, frame.get("data"))
        return False

    async def _answer(self, socket: ClientConnection, headers: Json, data: Any) -> None:
        """Answer an application ping with what it brought, to the letter."""
        text = data if isinstance(data, str) else "{}"
        try:
            plain.loads(text)
        except ValueError:
            text = "{}"
        await _write(socket, wire.ack_text(headers, text))

    async def _take(self, socket: ClientConnection, kind: Any, topic: str, headers: Json, data: Any) -> None:
        """Handle one frame, then acknowledge it: only what is on disk is."""
        try:
            if kind == "EVENT":  # none is subscribed to
                await _write(socket, wire.ack(headers, {"status": "SUCCESS"}))
                return
            answer, code = await self._handled_by(topic, data)
            if answer is None:
                self.left += 1
                if self._nack and code != 200:
                    await _write(socket, wire.ack(headers, {"response": None}, code=code))
            elif await _write(socket, wire.ack(headers, answer)):
                self.acked += 1
        finally:
            self._handled -= 1

    async def _handled_by(self, topic: str, data: Any) -> tuple[Json | None, int]:
        """Return what the ack carries, None for no ack, and the code."""
        try:
            content = wire.content_of(data)
            raw = printable(data) if isinstance(data, str) else json.dumps(content)
            return await self._handle(topic, content, raw), 200
        except Invalid as error:  # garbage will be garbage again: acknowledged, counted and told
            self._unread("frame not understood", topic=topic, error=str(error), data=_excerpt(data))
            return {"response": None}, 200
        except Exception as error:  # noqa: BLE001 - not on disk, for whatever reason: it is pushed again
            log.error("message not stored", topic=topic, error=f"{type(error).__name__}: {error}")
            return None, 500

    def _unread(self, event: str, **facts: str) -> None:
        """Count and tell what nobody can make a message of."""
        self.unread += 1
        log.warning(event, **facts)


def _excerpt(data: Any) -> str:
    """Return the beginning of a frame's data for the log."""
    return printable(data[:500]) if isinstance(data, str) else f"no text: {type(data).__name__}"


async def _write(socket: ClientConnection, text: str) -> bool:
    """Send; False when the connection is gone: what was to be acknowledged comes again."""
    try:
        await socket.send(text)
    except ConnectionClosed:
        return False
    return True


async def _gone(socket: ClientConnection) -> None:
    with anyio.CancelScope(shield=True), anyio.move_on_after(2.0):
        await socket.close()
