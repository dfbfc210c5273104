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
from typing import Any

import anyio
import orjson
from aiohttp import WSMsgType, web
from anyio.abc import TaskGroup

from mindbot.domain.message import Json
from mindbot.sim.dingtalk.access import Refusal
from mindbot.sim.dingtalk.frames import CARDS, HOSTILE, MESSAGES, StreamConnection, StreamPush, StreamRules
from mindbot.sim.faults import Fault, Faults


class StreamGateway:
    """All connections of all apps."""

    def __init__(self, rules: StreamRules, faults: Faults, counters: Counter[str], seed: int) -> None:
        self.rules = rules
        self._faults = faults
        self._counters = counters
        self._random = random.Random(seed)
        self._tickets: dict[str, tuple[str, frozenset[str], float]] = {}
        self.connections: list[StreamConnection] = []
        self._waiting: dict[str, tuple[anyio.Event, StreamPush]] = {}  # by the frame's messageId
        self._pings: dict[str, anyio.Event] = {}  # by the frame's messageId
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
        connection = StreamConnection(found[0], found[1], ws, transport.abort)
        self.connections.append(connection)
        if (ended := self._alone.pop(connection.client, None)) is not None:
            self.longest_gap = max(self.longest_gap, time.monotonic() - ended)
        self._counters["connected"] += 1
        self._joined.set()
        self._joined = anyio.Event()
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._ping, connection)
                for kind, act in (
                    ("kick", self._kick),
                    ("close", self._close),
                    ("rotate", self.rotate),
                    ("half-open", self._mute),
                ):
                    if fault := self._faults.strike("/connect", kind):
                        tasks.start_soon(self._later, fault.seconds, act, connection)
                for topic in ("CONNECTED", "REGISTERED") if self.rules.warm_up else ():
                    await self._send(connection, "SYSTEM", topic, {}, f"s_{topic}_{connection.id}")
                await self._read(connection, ws)
                tasks.cancel_scope.cancel()
        finally:
            self.connections.remove(connection)
            self._counters["ended"] += 1
            if not any(each.client == connection.client for each in self.connections):
                self._alone[connection.client] = time.monotonic()
        return ws

    async def _read(self, connection: StreamConnection, ws: web.WebSocketResponse) -> None:
        async for message in ws:
            if connection.mute:
                continue
            if message.type == WSMsgType.PING:
                await ws.pong(message.data)
            elif message.type == WSMsgType.TEXT:
                self._take(message.data)

    def _take(self, text: str) -> None:
        try:
            frame = orjson.loads(text)
            headers = frame.get("headers") or {}
            id = str(headers.get("messageId", ""))
            found = self._waiting.get(id)
            if found is None:
                self._pong(id, frame.get("data"))
                return
            event, pushed = found
            if frame.get("code") != 200:
                self._counters["nacks"] += 1
                if not self.rules.nacks:
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

    def _pong(self, id: str, data: Any) -> None:
        """Take the answer to a ping: it counts when it brings the opaque text back."""
        event = self._pings.get(id)
        if event is not None and isinstance(data, str) and f"p_{orjson.loads(data).get('opaque')}" == id:
            self._counters["pongs"] += 1
            event.set()

    async def push(
        self, kind: str, topic: str, client: str, data: Json, *, persistent: float = 0.0
    ) -> StreamPush:
        """Push to a random live connection; without an ack again, with a new messageId.

        ``persistent`` seconds it is tried again, also while nobody is connected.
        """
        pushed = StreamPush(str(data.get("msgId", "")))
        began = time.perf_counter()
        self._counters["pushes"] += 1
        if fault := self._faults.strike("/connect", "out-of-order"):
            await anyio.sleep(fault.seconds)  # what is said later comes earlier
        if self._struck("hostile"):
            await self.raw(HOSTILE[self._counters["fault.hostile"] % len(HOSTILE)])
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
            found = self._faults.find("duplicate")
            early = found is not None and found.options.get("when") == "before"
            if early and (copy := self._faults.strike("/connect", "duplicate")):
                await self._copy(copy, connection, kind, topic, client, data)
            await self._push_once(connection, kind, topic, data, pushed)
            pushed.took = time.perf_counter() - began
            if pushed.acked:
                self._counters["acked"] += 1
                if not early and (copy := self._faults.strike("/connect", "duplicate")):
                    await self._copy(copy, connection, kind, topic, client, data)
                return pushed
            if pushed.attempts >= self.rules.attempts and pushed.took > persistent:
                break
        self._counters["unacked"] += 1
        return pushed

    async def _copy(
        self, fault: Fault, connection: StreamConnection, kind: str, topic: str, client: str, data: Json
    ) -> None:
        """Push once more what is or will be pushed: the same msgId in a frame of its own."""
        await anyio.sleep(fault.seconds)
        other = connection
        if fault.options.get("on") != "same":
            other = self._pick(client, topic, besides=connection) or self._pick(client, topic) or connection
        await self._push_once(other, kind, topic, data, StreamPush(str(data.get("msgId", ""))))

    async def _push_once(
        self, connection: StreamConnection, kind: str, topic: str, data: Json, pushed: StreamPush
    ) -> None:
        id = f"m_{next(self._ids)}_{secrets.token_hex(4)}"
        done = anyio.Event()
        self._waiting[id] = (done, pushed)
        self._counters["frames"] += 1
        try:
            await self._send(connection, kind, topic, data, id)
            if self._struck("kick-before-ack"):
                await self._kick(connection)
            with anyio.move_on_after(self.rules.repush or None):
                await done.wait()
        finally:
            del self._waiting[id]

    async def _send(self, connection: StreamConnection, kind: str, topic: str, data: Json, id: str) -> None:
        headers = {
            "topic": topic,
            "messageId": id,
            "contentType": "application/json",
            "time": str(int(time.time() * 1000)),
            "appId": "00000000-0000-0000-0000-000000000001",
            "connectionId": connection.id,
        }
        if kind == "EVENT":
            headers |= {"eventType": str(data.get("eventType", "test")), "eventId": f"evt-{id}"}
        frame = {"specVersion": "1.0", "type": kind, "headers": headers, "data": orjson.dumps(data).decode()}
        await self._write(connection, orjson.dumps(frame).decode())

    async def _write(self, connection: StreamConnection, text: str | bytes) -> None:
        ws = connection.ws
        if ws is None or connection.mute or ws.closed:
            return
        try:
            await (ws.send_bytes(text) if isinstance(text, bytes) else ws.send_str(text))
        except (ConnectionError, RuntimeError):
            self._counters["frames_lost"] += 1

    async def raw(self, text: str | bytes) -> None:
        """Write something that is no frame to every connection; bytes make a binary message."""
        for connection in list(self.connections):
            await self._write(connection, text)

    def steal(self, client: str) -> None:
        """Let a forgotten second process of the app take its share of the pushes, and never acknowledge."""
        topics = frozenset({MESSAGES, CARDS, "*"})
        self.connections.append(StreamConnection(client, topics, None, lambda: None))

    def _pick(
        self, client: str, topic: str, besides: StreamConnection | None = None
    ) -> StreamConnection | None:
        live = [
            each
            for each in self.connections
            if each.client == client
            and topic in each.topics
            and not each.going
            and not each.closed
            and each is not besides
        ]
        return self._random.choice(live) if live else None

    async def _ping(self, connection: StreamConnection) -> None:
        while True:
            await anyio.sleep(self.rules.ping)
            opaque = secrets.token_hex(4)
            id = f"p_{opaque}"
            self._pings[id] = answered = anyio.Event()
            try:
                await self._send(connection, "SYSTEM", "ping", {"opaque": opaque}, id)
                with anyio.move_on_after(self.rules.pong or 1.0) as patience:
                    await answered.wait()
            finally:
                del self._pings[id]
            if patience.cancelled_caught and self.rules.pong:
                self._counters["pings_unanswered"] += 1
                connection.abort()

    async def _later(
        self, seconds: float, act: Callable[[StreamConnection], Any], connection: StreamConnection
    ) -> None:
        await anyio.sleep(seconds)
        await act(connection)

    async def _kick(self, connection: StreamConnection) -> None:
        self._counters["kicked"] += 1
        connection.abort()

    async def _close(self, connection: StreamConnection) -> None:
        fault = self._faults.find("close")
        self._counters["closed"] += 1
        if connection.ws is not None:
            await connection.ws.close(code=fault.count("code", 1000) if fault else 1000)

    async def _mute(self, connection: StreamConnection) -> None:
        connection.mute = True

    async def rotate(self, connection: StreamConnection) -> None:
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
                    await self._close(connection)
                case "half-open":
                    connection.mute = True
                case _ if self.tasks is not None:
                    self.tasks.start_soon(self.rotate, connection)
        return len(live)

    def _struck(self, kind: str) -> bool:
        return bool(self._faults) and self._faults.strike("/connect", kind) is not None
