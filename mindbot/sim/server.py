"""What every simulator has: a socket, counters, faults and control routes under ``/_sim/``."""

from __future__ import annotations

import asyncio
import errno
import json
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from types import TracebackType
from typing import ClassVar, Self

import anyio
import orjson
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler

from mindbot.domain.errors import ConfigError, Conflict, MindBotError, NotFound
from mindbot.domain.message import Json
from mindbot.sim.faults import REQUEST_KINDS, Fault, FaultKind, Faults

_CONTROL = "/_sim"
_MAX_BODY = 64 * 1024 * 1024  # bytes; images travel inside JSON
_GARBAGE = b'\x1f\x8b<html>{"errcode": 0, "choices": [nonsense'
_PROXY_PAGE = b"<html><head><title>Bad Gateway</title></head><body>nginx</body></html>"

#: A control route: takes the query and the JSON body as one mapping, returns JSON.
Control = Callable[[Json], Awaitable[Json]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorSettings:
    """How a simulator runs. ``port`` 0 takes a free one; ``latency`` is seconds before an answer."""

    host: str = "127.0.0.1"
    port: int = 0
    strict: bool = False
    latency: float = 0.0
    seed: int = 0
    faults: tuple[str, ...] = ()


def dumped(value: object) -> bytes:
    """Return JSON; half a surrogate pair is escaped, as vendors send it."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def json_response(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return ``value`` as a JSON answer."""
    return web.Response(body=dumped(value), status=status, headers=headers, content_type="application/json")


def need(params: Json, name: str) -> str:
    """Return a text parameter of a control call; raises ConfigError when it is missing."""
    value = params.get(name)
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{name} is missing")
    return value


class Simulator(ABC):
    """A fake vendor on a socket of its own; an async context manager that lives while it is entered.

    Subclasses answer requests in ``answer`` and word failures in ``error_body``. ``counters`` counts what
    happened, by name; ``faults`` may be changed at any time.
    """

    name: ClassVar[str]
    kinds: ClassVar[Mapping[str, FaultKind]] = {}
    Settings: ClassVar[type[SimulatorSettings]] = SimulatorSettings

    def __init__(self, settings: SimulatorSettings) -> None:
        self.host = settings.host
        self.port = settings.port
        self.latency = settings.latency
        self.counters: Counter[str] = Counter()
        self.faults = Faults(self.name, self.kinds, self.counters)
        self.faults.set(settings.faults, settings.seed)
        self._seed = settings.seed
        self._runner: web.ServerRunner | None = None
        self._controls: dict[str, Control] = {
            "GET /_sim": self._control_show,
            "GET /_sim/counters": self._control_counters,
            "GET /_sim/faults": self._control_faults,
            "PUT /_sim/faults": self._control_set_faults,
            "POST /_sim/reset": self._control_reset,
        }

    def offer_verbs(self, verbs: Mapping[str, Control]) -> None:
        """Take verbs that can be asked for besides, by method and path."""
        self._controls |= verbs

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def base_url(self) -> str:
        """What a client is configured with."""
        return self.origin

    @abstractmethod
    def details(self) -> Json:
        """Return what a client needs to know, under the configuration's own key names."""

    @abstractmethod
    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request of the vendor's API."""

    @abstractmethod
    def error_body(self, fault: Fault) -> Json:
        """Word a fault in the vendor's shape."""

    def place(self, request: web.BaseRequest) -> str:
        """Return what a fault's ``@PATH`` is looked for in."""
        return request.path

    def reset(self) -> None:
        """Forget what happened; faults and settings stay."""
        self.counters.clear()

    async def __aenter__(self) -> Self:
        """Bind and serve.

        Raises:
            Conflict: the address cannot be bound.
        """
        server = web.Server(
            self._handle, request_factory=_make_request, handler_cancellation=True, access_log=None
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self.host, self.port, backlog=4096).start()
        except OSError as exc:
            await self._runner.cleanup()
            why = "is in use" if exc.errno == errno.EADDRINUSE else f"cannot be bound: {exc.strerror}"
            raise Conflict(f"{self.host}:{self.port} for the {self.name} simulator {why}") from exc
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def cut_connections(self) -> int:
        """Break every open connection, as a router on the way may; returns how many there were."""
        server = self._runner.server if self._runner is not None else None
        found = server.connections if server is not None else []
        for connection in found:
            if connection.transport is not None:
                connection.transport.abort()
        return len(found)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path.startswith(_CONTROL):
            return await self._control(request)
        self.counters["requests"] += 1
        if self.faults:
            return await self._answer_with_faults(request)
        return await self.answer(request)

    async def _answer_with_faults(self, request: web.BaseRequest) -> web.StreamResponse:
        lose = False
        for fault in self.faults.strikes(self.place(request), (*REQUEST_KINDS, "errcode")):
            match fault.kind:
                case "slow":
                    await anyio.sleep(fault.seconds)
                case "hang":
                    await anyio.sleep_forever()
                case "drop":
                    return _reset(request)
                case "garbage":
                    return web.Response(body=_GARBAGE, content_type="application/json")
                case "lost-answer":
                    lose = True
                case _:
                    return self._refusal(fault)
        response = await self.answer(request)
        return _reset(request) if lose else response

    def _refusal(self, fault: Fault) -> web.Response:
        """Build the answer of a ``status`` or ``errcode`` fault."""
        headers: dict[str, str] = {
            k: v for k, v in fault.options.items() if k in ("retry-after", "retry-after-ms")
        }
        if "retry-after-date" in fault.options:
            when = time.time() + float(fault.options["retry-after-date"])
            headers["retry-after"] = formatdate(when, usegmt=True)
        status = fault.number if fault.kind == "status" else 200
        match fault.options.get("body"):
            case "html":
                return web.Response(
                    body=_PROXY_PAGE, status=status, headers=headers, content_type="text/html"
                )
            case "empty":
                return web.Response(status=status, headers=headers)
        return json_response(self.error_body(fault), status, headers)

    async def _control(self, request: web.BaseRequest) -> web.Response:
        if "Origin" in request.headers:  # a web page must not drive a simulator on this machine
            return json_response({"kind": "forbidden", "message": "not for browsers"}, 403)
        handler = self._controls.get(f"{request.method} {request.path.rstrip('/')}")
        if handler is None:
            return json_response({"kind": "not_found", "message": f"one of {sorted(self._controls)}"}, 404)
        try:
            params: Json = dict(request.query)
            if body := await request.read():
                params |= json.loads(body)  # takes half a surrogate pair, as customers send it
            return json_response(await handler(params))
        except (MindBotError, TypeError, ValueError) as exc:
            kind = exc.kind if isinstance(exc, MindBotError) else "bad_request"
            status = 404 if isinstance(exc, NotFound) else 400
            return json_response({"kind": kind, "message": str(exc)}, status)

    async def _control_show(self, params: Json) -> Json:
        return {"name": self.name, **self.details(), "control": sorted(self._controls)}

    async def _control_counters(self, params: Json) -> Json:
        return dict(self.counters)

    async def _control_faults(self, params: Json) -> Json:
        return {"faults": self.faults.describe()}

    async def _control_set_faults(self, params: Json) -> Json:
        self.faults.set(params.get("faults") or (), int(params.get("seed", self._seed)))
        return {"faults": self.faults.describe()}

    async def _control_reset(self, params: Json) -> Json:
        self.reset()
        return {}


def _make_request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: RequestHandler,
    writer: AbstractStreamWriter,
    task: asyncio.Task[None],
) -> web.BaseRequest:
    return web.BaseRequest(
        message, payload, protocol, writer, task, task.get_loop(), client_max_size=_MAX_BODY
    )


def _reset(request: web.BaseRequest) -> web.Response:
    """Break the connection; the response returned goes nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
