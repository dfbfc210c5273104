"""The public listener: vendors call back here, one port for every (host, port) that bots ask for.

Nothing here knows a vendor. A path is looked up in a dictionary; method, signature and meaning are the
webhook's business. What goes wrong on our side is a 503, which platforms answer with another try; they
would give up on a 500.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import structlog
from anyio import TASK_STATUS_IGNORED, create_task_group, to_thread
from anyio.abc import TaskGroup, TaskStatus

from mindbot.deadlines import Within
from mindbot.domain.errors import ConfigError, Conflict, MindBotError
from mindbot.domain.ports.platform import Receive, Webhook, WebhookRequest, WebhookResponse
from mindbot.runtime.strays import Address, Strays
from mindbot.telemetry.repeats import RepeatedEvents
from mindbot_daemon.sockets import bind_tcp, ephemeral

if TYPE_CHECKING:
    from mindbot_daemon.serving import HttpServer

log = structlog.get_logger(__name__)
#: What callers can cause as often as they like.
_slow = RepeatedEvents(log, "callback.slow")
_refused = RepeatedEvents(log, "callback.refused")
_failed = RepeatedEvents(log, "callback.failed", level="error")

Scope = Mapping[str, Any]
AsgiReceive = Callable[[], Awaitable[Mapping[str, Any]]]
AsgiSend = Callable[[Mapping[str, Any]], Awaitable[None]]

#: Seconds a callback may take; platforms call again after five (WeCom, "Receive messages and events").
CALLBACK_TIMEOUT = 5.0
#: The path of MindBot's ancestors, kept for a bot that has a port to itself.
ANCIENT_PATH = "/callback/command"
_MOST_FIELDS = 64

NOT_FOUND = WebhookResponse(404, b"nothing is called back here\n")
TOO_LARGE = WebhookResponse(413, b"the body is too large\n")
BAD_QUERY = WebhookResponse(400, b"the query cannot be read\n")
TRY_AGAIN = WebhookResponse(503, b"try again\n")


class _Gone(Exception):
    """The caller hung up."""


def path_of(webhook: Webhook) -> str:
    """Return the path a bot is called back on."""
    return f"/{webhook.name}/{webhook.bot}/callback"


def table_of(webhooks: Sequence[Webhook]) -> dict[str, Webhook]:
    """Return which path belongs to whom on one port."""
    table = {path_of(webhook): webhook for webhook in webhooks}
    if len(webhooks) == 1:
        table[ANCIENT_PATH] = webhooks[0]
    return table


def find(table: Mapping[str, Webhook], path: str) -> Webhook | None:
    """Return whose path this is, whatever a proxy left in front of it and however many slashes it has.

    The end alone says it: a path has three pieces (the ancient one two), and which ones they are is certain.
    """
    if (found := table.get(path)) is not None:
        return found
    pieces = [piece for piece in path.split("/") if piece]
    return table.get("/" + "/".join(pieces[-3:])) or table.get("/" + "/".join(pieces[-2:]))


class CallbackApp:
    """The ASGI app of one port; `table` may be replaced at any time.

    ``strays`` counts what is nobody's at ``address``, which is the configured one.
    """

    def __init__(self, receive: Receive, address: Address, strays: Strays) -> None:
        self.table: Mapping[str, Webhook] = {}
        self._receive = receive
        self._address = address
        self._strays = strays

    async def __call__(self, scope: Scope, receive: AsgiReceive, send: AsgiSend) -> None:
        webhook = find(self.table, scope["path"])
        self._note(scope["path"], webhook)
        try:
            if webhook is None:
                response = NOT_FOUND
            elif (body := await _read(scope, receive, webhook.max_body)) is None:
                response = TOO_LARGE
            else:
                response = await self._call(webhook, scope, body)
        except _Gone:
            return
        headers = [
            (b"content-type", response.content_type.encode()),
            (b"content-length", str(len(response.body)).encode()),
        ]
        if response is NOT_FOUND or response is TOO_LARGE:  # the body was not read
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})

    def _note(self, path: str, webhook: Webhook | None) -> None:
        if webhook is None:
            self._strays.note(self._address, path)
            return
        wanted = path_of(webhook)
        self._strays.reached(self._address, wanted, wanted if path == ANCIENT_PATH else path)

    async def _call(self, webhook: Webhook, scope: Scope, body: bytes) -> WebhookResponse:
        try:
            query = dict(parse_qsl(scope["query_string"].decode("ascii"), True, max_num_fields=_MOST_FIELDS))
        except ValueError:
            return BAD_QUERY
        whose = (webhook.name, webhook.bot)
        request = WebhookRequest(
            scope["method"],
            scope["path"],
            query,
            body,
            {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
        )
        try:
            with Within(CALLBACK_TIMEOUT):
                return await webhook.callback(request, self._receive)
        except TimeoutError:
            _slow.tell(*whose, platform=webhook.name, bot=webhook.bot, seconds=CALLBACK_TIMEOUT)
        except MindBotError as error:  # not on disk, so not acknowledged
            _refused.tell(*whose, error.kind, platform=webhook.name, bot=webhook.bot, error=str(error))
        except Exception as error:  # noqa: BLE001 - an adapter's mistake: the platform sends it again
            name = type(error).__name__
            _failed.tell(*whose, name, platform=webhook.name, bot=webhook.bot, exc_info=error)
        return TRY_AGAIN


def _cannot_listen(error: OSError, address: Address, ours: Sequence[str]) -> ConfigError | Conflict:
    """Tell what waiting may mend (a service manager tries again) from what another configuration mends."""
    host, port = address
    what = f"cannot listen on {host}:{port}: {error.strerror or error}"
    if error.errno == errno.EADDRINUSE and ours:
        hint = f"this daemon has the port on {ours[0]}: give all bots of a port one `host`, "
        return Conflict(what, hint=hint + "and restart where the old configuration had the other")
    if error.errno == errno.EADDRINUSE:
        hint = f"who has it: ss -tnap 'sport = :{port}'; or set another port"
        return Conflict(what, hint=hint + _of_clients(port))
    # Before the network is up a name is unknown in any of the ways there are, and an address nobody's.
    if isinstance(error, socket.gaierror):
        return Conflict(
            what, hint=f"the name is not known here now: getent ahosts {host}; or set another `host`"
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return Conflict(what, hint="the host is not this machine's now (ip addr); or set another `host`")
    return ConfigError(what, hint="the port needs rights, or another `host`")


def _of_clients(port: int) -> str:
    """Return what to say of a port that the kernel gives to clients: any program's call may have it."""
    first, last = ephemeral()
    if not first <= port <= last:
        return ""
    return f"; the kernel lends {first} to {last} to clients (ip_local_port_range): choose one outside"


async def _read(scope: Scope, receive: AsgiReceive, most: int) -> bytes | None:
    """Read the body; None as soon as it is, or says it will be, larger than ``most`` bytes."""
    for name, value in scope["headers"]:
        if name == b"content-length" and int(value) > most:
            return None
    body: bytes = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        body += message.get("body", b"")
        if len(body) > most:
            return None
        if not message.get("more_body", False):
            return body


class Port:
    """One bound address: its app, and its server once it runs."""

    def __init__(self, address: Address, listener: socket.socket, receive: Receive, strays: Strays) -> None:
        self.address = address
        self.listener = listener
        self.app = CallbackApp(receive, address, strays)
        self._server: HttpServer | None = None

    @property
    def bound(self) -> Address:
        """Where it listens; the port is known here also when port 0 was asked for."""
        host, port = self.listener.getsockname()[:2]
        return host, port

    async def serve(self, *, task_status: TaskStatus[None] = TASK_STATUS_IGNORED) -> None:
        """Serve until `stop`."""
        from mindbot_daemon.serving import HttpServer

        self._server = HttpServer(self.app, self.listener)
        async with create_task_group() as group:
            group.start_soon(self._server.run_until_stopped)
            await self._server.listening.wait()
            task_status.started()

    async def stop(self) -> None:
        """Accept nothing more; return when open callbacks have been answered."""
        if self._server is not None:
            await self._server.stop()


class PublicListener:
    """All ports together, changed as a whole."""

    def __init__(
        self,
        group: TaskGroup,
        receive: Receive,
        inherited: Iterable[socket.socket] = (),
        *,
        strays: Strays | None = None,
    ) -> None:
        self._group = group
        self._receive = receive
        self._inherited = list(inherited)
        self._strays = strays or Strays()
        self._ports: dict[Address, Port] = {}

    @property
    def bound(self) -> dict[Address, Address]:
        """Where each wanted (host, port) really listens."""
        return {address: port.bound for address, port in self._ports.items()}

    async def bind(self, webhooks: Sequence[Webhook]) -> None:
        """Make these webhooks the ones that are called back.

        New ports are bound before anything changes; then the tables change at once, and ports that nobody
        wants any more are closed when their open callbacks have been answered.

        Raises:
            ConfigError, Conflict: an address cannot be bound; nothing has changed.
        """
        wanted: dict[Address, list[Webhook]] = {}
        for webhook in webhooks:
            wanted.setdefault((webhook.host, webhook.port), []).append(webhook)
        fresh: list[Port] = []
        try:
            for address in wanted.keys() - self._ports.keys():
                ours = [
                    host for host, port in (*self._ports, *(p.address for p in fresh)) if port == address[1]
                ]
                listener = await self._socket(address, ours)
                fresh.append(Port(address, listener, self._receive, self._strays))
        except BaseException:
            for port in fresh:
                port.listener.close()
            raise
        for port in fresh:
            self._ports[port.address] = port
        for address, here in wanted.items():
            self._ports[address].app.table = table_of(here)
        for port in fresh:
            await self._group.start(port.serve)
            log.info("listener.open", host=port.bound[0], port=port.bound[1])
        for address in self._ports.keys() - wanted.keys():
            self._group.start_soon(self._ports.pop(address).stop)

    async def close(self) -> None:
        """Close every port; returns when open callbacks have been answered."""
        async with create_task_group() as group:
            for port in self._ports.values():
                group.start_soon(port.stop)
        self._ports.clear()

    async def _socket(self, address: Address, ours: Sequence[str]) -> socket.socket:
        """Take the socket that systemd bound for us, or bind one.

        ``ours`` are the hosts on which this daemon has the port already.
        """
        for listener in self._inherited:
            if listener.getsockname()[1] == address[1]:
                self._inherited.remove(listener)
                return listener
        try:
            return await to_thread.run_sync(bind_tcp, *address)
        except OSError as error:
            raise _cannot_listen(error, address, ours) from error
        except UnicodeError as error:  # of look-ups: a label too long, or empty
            raise ConfigError(f"cannot listen on {address[0]}: that is no name", hint="set `host`") from error
