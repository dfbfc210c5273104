"""Long-connection mode, the platform's side: subscriptions, callbacks, and answers to every frame.

Source: WeCom developer centre, "AI bot long connection" (path/101463), and the official Node SDK (npm
@wecom/aibot-node-sdk 1.0.7), which tells answers apart by their request ids alone.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio
import orjson
from aiohttp import WSCloseCode, WSMsgType, web
from anyio.abc import TaskGroup

from mindbot.domain.message import Json
from mindbot.sim.faults import FaultKind, Faults, kind
from mindbot.sim.wecombot.checks import Refused
from mindbot.sim.wecombot.replies import Asked, BotReplies

#: Faults of frames, decided by the command as path; besides them errcode, slow, hang, lost-answer and drop.
LINE_KINDS: Mapping[str, FaultKind] = {
    "close": kind("code"),  # the connection is closed before the answer: 1000, or 1006 for an abort
    "twice": kind(),  # a frame is answered twice
    "push-again": kind(),  # a callback comes twice: the same msgid, another request id
    "half-open": kind(),  # it stays open; nothing more is read, answered or written
    "evict": kind(takes_duration=True),  # so long after it subscribed somebody else does
}
_FRAMES = ("errcode", "slow", "hang", "lost-answer", "drop", "close", "twice", "half-open")


@dataclass(frozen=True, slots=True)
class LineRules:
    """``silence`` seconds without a frame end a connection; ``subscribes`` a minute are allowed."""

    silence: float = 90.0
    subscribes: int = 60


@dataclass(slots=True)
class LinePush:
    """What became of a callback: ``acked`` once it is written, for this wire has no acks."""

    msgid: str
    acked: bool = False
    attempts: int = 0
    took: float = 0.0

    def to_json(self) -> Json:
        return {name: getattr(self, name) for name in self.__slots__}


class Connection:
    """One WebSocket."""

    def __init__(self, ws: web.WebSocketResponse, transport: asyncio.Transport) -> None:
        self.ws = ws
        self._transport = transport
        self.mute = False  # half-open
        self.gone = anyio.Event()  # broken off by this side
        self.bot = ""  # subscribed for
        self.since = time.time()
        self.busy: set[str] = set()  # request ids with an unanswered frame

    def abort(self) -> None:
        """Break it off."""
        self.gone.set()
        self._transport.abort()

    def fall_silent(self) -> None:
        """Stay open, and neither read nor write any more: what the client sends fills the buffers."""
        self.mute = True
        self._transport.pause_reading()

    async def write(self, frame: Json) -> bool:
        """Send a frame; False when the connection is gone. A mute one swallows it."""
        if self.mute:
            return True
        if self.ws.closed:
            return False
        try:
            await self.ws.send_str(orjson.dumps(frame).decode())
        except (ConnectionError, RuntimeError):
            return False
        return True


@dataclass(slots=True)
class _State:
    live: dict[str, Connection] = field(default_factory=dict)  # by bot
    subscribed: deque[float] = field(default_factory=deque)


class Gateway:
    """All connections. ``accepts`` tells whether BotID and Secret are right."""

    def __init__(
        self,
        replies: BotReplies,
        rules: LineRules,
        accepts: Callable[[str, str], bool],
        faults: Faults,
        counters: Counter[str],
    ) -> None:
        self.replies = replies
        self.rules = rules
        self._accepts = accepts
        self._faults = faults
        self._counters = counters
        self._state = _State()
        self._joined = anyio.Event()
        self.connections: list[Connection] = []
        self.frames: deque[Json] = deque(maxlen=2000)  # what clients sent

    @property
    def live(self) -> Mapping[str, Connection]:
        """Subscribed connections by bot."""
        return self._state.live

    async def connect(self, request: web.BaseRequest) -> web.StreamResponse:
        """Serve one WebSocket until it ends."""
        ws = web.WebSocketResponse(compress=False, max_msg_size=8 << 20)
        await ws.prepare(request)
        assert request.transport is not None
        connection = Connection(ws, request.transport)
        self.connections.append(connection)
        self._counters["connected"] += 1
        try:
            async with anyio.create_task_group() as tasks:
                await self._read(connection, tasks)
                tasks.cancel_scope.cancel()
        finally:
            self.connections.remove(connection)
            if self._state.live.get(connection.bot) is connection:
                del self._state.live[connection.bot]
        return ws

    async def _read(self, connection: Connection, tasks: TaskGroup) -> None:
        while True:
            with anyio.move_on_after(self.rules.silence) as silence:
                message = await connection.ws.receive()
            if connection.mute:  # that the client has given up is not seen either
                await connection.gone.wait()
                return
            if silence.cancelled_caught:
                await connection.ws.close(code=WSCloseCode.GOING_AWAY, message=b"silent")
                return
            if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
                return
            if message.type != WSMsgType.TEXT:
                continue
            try:
                frame = orjson.loads(message.data)
                command, id = str(frame["cmd"]), str(frame["headers"]["req_id"])
            except (ValueError, KeyError, TypeError):
                self._counters["bad_frames"] += 1
                continue
            self._counters[command] += 1
            self.frames.append(frame)
            tasks.start_soon(self._frame, connection, tasks, command, id, frame.get("body"))

    async def _frame(
        self, connection: Connection, tasks: TaskGroup, command: str, id: str, body: Any
    ) -> None:
        """Carry out one frame and answer it, with what the faults leave of that."""
        struck = self._faults.strikes(command, _FRAMES) if self._faults else ()
        faults = {fault.kind: fault for fault in struck}
        if "drop" in faults:
            connection.abort()
            return
        if "half-open" in faults:
            connection.fall_silent()
            return
        if id in connection.busy:
            self._counters["overtaken"] += 1
            await connection.write({"headers": {"req_id": id}, **Refused(6000).to_json()})
            return
        connection.busy.add(id)
        try:
            if "slow" in faults:
                await anyio.sleep(faults["slow"].seconds)
            answer = self._carried_out(connection, command, id, body, faults)
            if command == "aibot_subscribe" and answer["errcode"] == 0:
                await self._take_over(connection, tasks)
        finally:
            connection.busy.discard(id)
        if "hang" in faults:
            return
        if "lost-answer" in faults:
            connection.abort()
            return
        if "close" in faults:
            if faults["close"].count("code", 1000) == 1006:
                connection.abort()
            else:
                await connection.ws.close()
            return
        for _ in range(2 if "twice" in faults else 1):
            await connection.write({"headers": {"req_id": id}, **answer})

    def _carried_out(
        self, connection: Connection, command: str, id: str, body: Any, faults: Mapping[str, Any]
    ) -> Json:
        try:
            if fault := faults.get("errcode"):
                if fault.number == 846609:
                    self._leave(connection)
                raise Refused(fault.number)
            found = self._done(connection, command, id, body if isinstance(body, dict) else {})
        except Refused as refused:
            self._counters[f"errcode.{refused.code}"] += 1
            return refused.to_json()
        return {"errcode": 0, "errmsg": "ok"} | ({"body": found} if found else {})

    def _done(self, connection: Connection, command: str, id: str, body: Json) -> Json:
        if command == "aibot_subscribe":
            self._subscribe(connection, body)
            return {}
        if not connection.bot:
            raise Refused(846609)
        if command == "ping":
            return {}
        return self.replies.carry_out(command, id, body)

    def _subscribe(self, connection: Connection, body: Json) -> None:
        now, lately = time.monotonic(), self._state.subscribed
        while lately and lately[0] < now - 60:
            lately.popleft()
        if connection.bot or len(lately) >= self.rules.subscribes:
            raise Refused(45009)
        lately.append(now)
        bot, secret = body.get("bot_id"), body.get("secret")
        if not isinstance(bot, str) or not isinstance(secret, str) or not self._accepts(bot, secret):
            raise Refused(853000)
        connection.bot = bot

    async def _take_over(self, connection: Connection, tasks: TaskGroup) -> None:
        """Give a bot to the connection that subscribed last."""
        old = self._state.live.get(connection.bot)
        self._state.live[connection.bot] = connection
        if old is not None and old is not connection:
            await self._evict(old, connection.bot)
        self._joined.set()
        self._joined = anyio.Event()
        fault = self._faults.strike("/connect", "evict") if self._faults else None
        if fault is not None:
            tasks.start_soon(self._later, fault.seconds, connection)

    async def _later(self, seconds: float, connection: Connection) -> None:
        await anyio.sleep(seconds)
        await self.evict(connection.bot)

    async def evict(self, bot: str) -> bool:
        """Do as if somebody else had subscribed; False when nobody was there."""
        old = self._state.live.pop(bot, None)
        if old is None:
            return False
        await self._evict(old, bot)
        return True

    async def _evict(self, old: Connection, bot: str) -> None:
        self._counters["evicted"] += 1
        old.bot = ""
        if old.mute:
            old.abort()
            return
        body = {
            "msgid": secrets.token_hex(8),
            "create_time": int(time.time()),
            "aibotid": bot,
            "msgtype": "event",
            "event": {"eventtype": "disconnected_event"},
        }
        await old.write(
            {"cmd": "aibot_event_callback", "headers": {"req_id": secrets.token_hex(8)}, "body": body}
        )
        with anyio.move_on_after(1.0):
            await old.ws.close()

    def _leave(self, connection: Connection) -> None:
        """Lose a subscription while the connection stays open."""
        if self._state.live.get(connection.bot) is connection:
            del self._state.live[connection.bot]
        connection.bot = ""

    # -- callbacks ---------------------------------------------------------------------------------------

    async def push(self, bot: str, body: Json, asked: Asked, *, persistent: float = 0.0) -> LinePush:
        """Write a callback to a bot's connection; wait ``persistent`` seconds for there to be one."""
        pushed = LinePush(str(body.get("msgid", "")))
        began = time.perf_counter()
        self._counters["pushes"] += 1
        while not pushed.acked:
            connection = self._state.live.get(bot)
            if connection is not None:
                pushed.attempts += 1
                pushed.acked = await self._push(connection, body, asked)
                if not pushed.acked:
                    await anyio.sleep(0.01)
                continue
            joined, left = self._joined, persistent - (time.perf_counter() - began)
            with anyio.move_on_after(max(0.0, left)) as waiting:
                await joined.wait()
            if waiting.cancelled_caught:
                break
        repeated = pushed.acked and bool(self._faults) and self._faults.strike("callback", "push-again")
        if repeated and (again := self._state.live.get(bot)):
            await self._push(again, body, asked)
        pushed.took = time.perf_counter() - began
        self._counters["acked" if pushed.acked else "unacked"] += 1
        return pushed

    async def _push(self, connection: Connection, body: Json, asked: Asked) -> bool:
        id = secrets.token_urlsafe(12)
        self.replies.asked[id] = asked
        command = "aibot_event_callback" if asked.event else "aibot_msg_callback"
        return await connection.write({"cmd": command, "headers": {"req_id": id}, "body": body})
