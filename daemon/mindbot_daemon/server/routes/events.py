"""The event stream: ``WS /v1/events?topics=&filter=&since=&console=``. docs/api.md says what goes over it."""

from __future__ import annotations

from contextlib import nullcontext

import structlog
from anyio import CancelScope, create_task_group, fail_after, move_on_after
from fastapi import APIRouter, WebSocket
from uvicorn.protocols.utils import ClientDisconnected

from mindbot.api.errors import problem_of
from mindbot.domain.errors import MindBotError
from mindbot_daemon.server.answers import Answer, said
from mindbot_daemon.server.auth import console_named, require
from mindbot_daemon.server.backend import Host
from mindbot_daemon.server.errors import status_of
from mindbot_daemon.server.protocol import Wire
from mindbot_daemon.server.roles import Role
from mindbot_daemon.server.stream.hub import Hub
from mindbot_daemon.server.stream.request import read
from mindbot_daemon.server.stream.subscriber import Subscriber

log = structlog.get_logger(__name__)
router = APIRouter()
may_look = require(Role.viewer)

STALL = 30.0  # seconds a client may read nothing while something waits for it
UNSUPPORTED = 1003  # close code: what the client sent is not understood (RFC 6455, section 7.4.1)


@router.websocket("/events")
async def events(websocket: WebSocket) -> None:
    """Send events in batches until the client leaves; what is wrong is said as an HTTP error instead."""
    host: Host = websocket.app.state.host
    hub: Hub = websocket.app.state.hub
    try:
        await may_look(websocket)
        request = read(websocket.query_params)
        console = console_named(websocket.query_params.get("console", ""))
        runtime = await host.when_open()
        mine = runtime.resources.debugger.attached(console) if console else nullcontext()
        with mine, hub.attach(runtime.bus, request) as client:
            client.name = f"process {websocket.state.peer.pid}"
            await websocket.accept()
            await _serve(websocket, client)
    except MindBotError as error:
        await websocket.send_denial_response(Answer(said(problem_of(error)), status_of(error)))


async def _serve(websocket: WebSocket, client: Subscriber) -> None:
    async with create_task_group() as tasks:
        tasks.start_soon(_until_gone, websocket, tasks.cancel_scope)
        tasks.start_soon(_until_overrun, websocket, client, tasks.cancel_scope)
        await _write(websocket, client)
        tasks.cancel_scope.cancel()


async def _write(websocket: WebSocket, client: Subscriber) -> None:
    wire: Wire = websocket.state.wire
    try:
        while True:
            message = await client.next()
            with fail_after(STALL):
                await wire.send(message)
    except TimeoutError:
        _cut(websocket, f"read nothing for {STALL:g}s")
    except ClientDisconnected:
        pass  # gone while we wrote


async def _until_gone(websocket: WebSocket, scope: CancelScope) -> None:
    """The stream takes nothing in: a client that talks is let go."""
    if (await websocket.receive())["type"] == "websocket.receive":
        with move_on_after(STALL):
            await websocket.close(UNSUPPORTED, "the stream takes no messages")
    scope.cancel()


async def _until_overrun(websocket: WebSocket, client: Subscriber, scope: CancelScope) -> None:
    await client.overrun.wait()
    _cut(websocket, "too many control events unread")
    scope.cancel()


def _cut(websocket: WebSocket, reason: str) -> None:
    wire: Wire = websocket.state.wire
    log.warning("api.client_cut", pid=websocket.state.peer.pid, reason=reason)
    wire.cut()
