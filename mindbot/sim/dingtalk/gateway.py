"""The gateway of Stream mode: tickets, WebSocket connections, pushes and their acks.

Source: "协议描述" (Stream protocol), open-dingtalk.github.io/developerpedia/docs/learn/stream/protocol.
"""

from __future__ import annotations

import itertools
import random
import secrets
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import anyio
import orjson
from aiohttp import WSMsgType, web
from anyio.abc import TaskGroup

from mindbot.domain.message import Json
from mindbot.sim.dingtalk.access import Refusal
from mindbot.sim.faults import Faults

MESSAGES = "/v1.0/im/bot/messages/get"
CARDS = "/v1.0/card/instances/callback"


@dataclass(frozen=True, slots=True)
class StreamRules:
    """``repush`` seconds without an ack bring a robot message again, ``attempts`` times in all.

    ``ping`` is seconds between SYSTEM pings, ``grace`` from the disconnect frame to the close,
    ``ticket`` how long a ticket is good for.
    """

    repush: float = 60.0
    attempts: int = 4
    ping: float = 20.0
    grace: float = 10.0
    ticket: float = 90.0


@dataclass(slots=True)
class Pushed:
    """What became of one push. ``answer`` is the ``data`` of the ack."""

    msgid: str
    acked: bool = False
    attempts: int = 0
    took: float = 0.0
    answer: Json = field(default_factory=dict)

    def to_json(self) -> Json:
        return {name: getattr(self, name) for name in self.__slots__}


class Connection:
    """One WebSocket of an app. ``mute``: it stays open and nothing goes through any more."""

    def __init__(self, client: str, topics: frozenset[str], ws: web.WebSocketResponse, abort: Any) -> None:
        self.id = secrets.token_hex(6)
        self.client = client
        self.topics = topics
        self.ws = ws
        self.abort: Callable[[], None] = abort
        self.since = time.time()
        self.going = False  # told to disconnect: gets no more pushes
        self.mute = False


class Gateway:
    """All connections of all apps."""

    def __init__(self, rules: StreamRules, faults: Faults, counters: Counter[str], seed: int) -> None:
        self.rules = rules
        self._faults = faults
        self._counters = counters
        self._random = random.Random(seed)
        self._tickets: dict[str, tuple[str, frozenset[str], float]] = {}
        self.connections: list[Connection] = []
        self._waiting: dict[str, tuple[anyio.Event, Pushed]] = {}  # by the frame's messageId
        self._joined = anyio.Event()
        self._ids = itertools.count(1)
        self._alone: dict[str, float] = {}  # client → when its last connection ended
        self.longest_gap = 0.0  # seconds that a client was without any connection
        self.tasks: TaskGroup | None = None

    def open(self, body: Json, host: str) -> Json:
        """Answer the open call with an endpoint and a ticket for one connection."""
        subscriptions = body.get("subscriptions")
        if not isinstance(subscriptions, list):
            raise Refusal(400, "invalidParameter.subscriptions")
        topics = frozenset(str(each.get("topic", "")) for each in subscriptions if isinstance(each, dict))
        ticket = secrets.token_urlsafe(24)
        ends = time.monotonic() + self.rules.ticket
        self._tickets[ticket] = (str(body.get("clientId", "")), topics, ends)
        self._counters["opened"] += 1
        return {"endpoint": f"ws://{host}/connect", "ticket": ticket}

    async def connect(self, request: web.BaseRequest) -> web.StreamResponse:
        """Serve one WebSocket until it ends."""
        found = self._tickets.pop(request.query.get("ticket", ""), None)
        if found is None or found[2] < time.monotonic() or self._struck("refuse-handshake"):
            self._counters["handshakes_refused"] += 1
            return web.Response(status=401)
        ws = web.WebSocketResponse(autoping=False, compress=False)
        await ws.prepare(request)
        transport = request.transport
        assert transport is not None
        connection = Connection(found[0], found[1], ws, transport.abort)
        self.connections.append(connection)
        if (ended := self._alone.pop(connection.client, None)) is not None:
            self.longest_gap = max(self.longest_gap, time.monotonic() - ended)
        self._counters["connected"] += 1
        self._joined.set()
        self._joined = anyio.Event()
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._ping, connection)
                for kind, act in (("kick", self._kick), ("rotate", self.rotate), ("half-open", self._mute)):
                    if (fault := self._faults.find(kind)) and self._struck(kind):
                        tasks.start_soon(self._later, fault.seconds, act, connection)
                await self._read(connection)
                tasks.cancel_scope.cancel()
        finally:
            self.connections.remove(connection)
            self._counters["ended"] += 1
            if not any(each.client == connection.client for each in self.connections):
                self._alone[connection.client] = time.monotonic()
        return ws

    async def _read(self, connection: Connection) -> None:
        async for message in connection.ws:
            if connection.mute:
                continue
            if message.type == WSMsgType.PING:
                await connection.ws.pong(message.data)
            elif message.type == WSMsgType.TEXT:
                self._take(message.data)

    def _take(self, text: str) -> None:
        try:
            frame = orjson.loads(text)
            headers = frame.get("headers") or {}
            found = self._waiting.get(str(headers.get("messageId", "")))
            if found is None:
                return
            event, pushed = found
            if frame.get("code") != 200:
                self._counters["nacks"] += 1
                return
            answer = orjson.loads(frame.get("data") or "{}")
            if isinstance(answer, dict):
                if answer.get("status") == "LATER":
                    return
                pushed.answer = answer
        except (ValueError, AttributeError):
            self._counters["bad_frames"] += 1
            return
        if self._struck("late-ack"):
            return  # it gets lost on its way: the message will be pushed again
        pushed.acked = True
        event.set()

    async def push(
        self, kind: str, topic: str, client: str, data: Json, *, persistent: float = 0.0
    ) -> Pushed:
        """Push to a random live connection; without an ack again, with a new messageId.

        ``persistent`` seconds it is tried again, also while nobody is connected.
        """
        pushed = Pushed(str(data.get("msgId", "")))
        began = time.perf_counter()
        self._counters["pushes"] += 1
        while True:
            connection = self._pick(client, topic)
            if connection is None:
                joined = self._joined
                with anyio.move_on_after(max(0.0, persistent - (time.perf_counter() - began))) as scope:
                    await joined.wait()
                if scope.cancelled_caught:
                    break
                continue
            pushed.attempts += 1
            await self._push_once(connection, kind, topic, data, pushed)
            pushed.took = time.perf_counter() - began
            if pushed.acked:
                self._counters["acked"] += 1
                if self._struck("duplicate") and (again := self._pick(client, topic)):
                    await self._push_once(again, kind, topic, data, Pushed(pushed.msgid))
                return pushed
            if pushed.attempts >= self.rules.attempts and pushed.took > persistent:
                break
        self._counters["unacked"] += 1
        return pushed

    async def _push_once(
        self, connection: Connection, kind: str, topic: str, data: Json, pushed: Pushed
    ) -> None:
        id = f"m_{next(self._ids)}_{secrets.token_hex(4)}"
        done = anyio.Event()
        self._waiting[id] = (done, pushed)
        self._counters["frames"] += 1
        try:
            await self._send(connection, kind, topic, data, id)
            with anyio.move_on_after(self.rules.repush or None):
                await done.wait()
        finally:
            del self._waiting[id]

    async def _send(self, connection: Connection, kind: str, topic: str, data: Json, id: str) -> None:
        headers = {
            "topic": topic,
            "messageId": id,
            "contentType": "application/json",
            "time": str(int(time.time() * 1000)),
            "connectionId": connection.id,
        }
        if kind == "EVENT":
            headers |= {"eventType": str(data.get("eventType", "test")), "eventId": f"evt-{id}"}
        frame = {"specVersion": "1.0", "type": kind, "headers": headers, "data": orjson.dumps(data).decode()}
        await self._write(connection, orjson.dumps(frame).decode())

    async def _write(self, connection: Connection, text: str) -> None:
        if connection.mute or connection.ws.closed:
            return
        try:
            await connection.ws.send_str(text)
        except (ConnectionError, RuntimeError):
            self._counters["frames_lost"] += 1

    async def raw(self, text: str) -> None:
        """Write something that is no frame to every connection."""
        for connection in list(self.connections):
            await self._write(connection, text)

    def _pick(self, client: str, topic: str) -> Connection | None:
        live = [
            each
            for each in self.connections
            if each.client == client and topic in each.topics and not each.going and not each.ws.closed
        ]
        return self._random.choice(live) if live else None

    async def _ping(self, connection: Connection) -> None:
        while True:
            await anyio.sleep(self.rules.ping)
            opaque = secrets.token_hex(4)
            await self._send(connection, "SYSTEM", "ping", {"opaque": opaque}, f"p_{opaque}")

    async def _later(self, seconds: float, act: Callable[[Connection], Any], connection: Connection) -> None:
        await anyio.sleep(seconds)
        await act(connection)

    async def _kick(self, connection: Connection) -> None:
        self._counters["kicked"] += 1
        connection.abort()

    async def _mute(self, connection: Connection) -> None:
        connection.mute = True

    async def rotate(self, connection: Connection) -> None:
        """Say disconnect, push nothing more, close after the grace."""
        self._counters["rotated"] += 1
        connection.going = True
        frame = {
            "type": "SYSTEM",
            "headers": {"topic": "disconnect"},
            "data": '{"reason":"connection is expired"}',
        }
        await self._write(connection, orjson.dumps(frame).decode())
        await anyio.sleep(self.rules.grace)
        connection.abort()

    async def kick(self, how: str) -> int:
        """End (``abort``, ``close``), rotate (``disconnect``) or mute (``half-open``) all connections now."""
        live = list(self.connections)
        for connection in live:
            match how:
                case "abort":
                    connection.abort()
                case "close":
                    await connection.ws.close()
                case "half-open":
                    connection.mute = True
                case _ if self.tasks is not None:
                    self.tasks.start_soon(self.rotate, connection)
        return len(live)

    def _struck(self, kind: str) -> bool:
        return bool(self._faults) and self._faults.strike("/connect", kind) is not None
