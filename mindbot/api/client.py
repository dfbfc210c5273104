"""Clients of the daemon over its Unix socket: `Client` for the command line, `AsyncClient` for the rest.

The blocking one stands on ``http.client``: importing httpx costs 0.25 s of CPU, more than a whole
``mindbot send``.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from pydantic import ValidationError

from mindbot.api.calls import ApiCall
from mindbot.api.errors import error_of
from mindbot.api.models import Problem
from mindbot.api.saved import Sink
from mindbot.api.sockets import find_socket
from mindbot.domain.errors import Forbidden, MindBotError, TimedOut, Unreachable

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")
#: By which a console says which one it is: what it holds is its own.
CONSOLE = "MindBot-Console"
_BINARY = "application/octet-stream"


class Client:
    """A blocking client; each call is a connection of its own. ``console`` is what it calls itself.

    Every call raises the daemon's own errors (`mindbot.domain.errors`), Unreachable when no daemon
    answers, Forbidden when the socket is not ours to open, and TimedOut.
    """

    def __init__(self, socket: str | Path | None = None, console: str = "") -> None:
        self.socket = find_socket(socket, os.environ)
        self._named = {CONSOLE: console} if console else {}

    def ask(self, call: ApiCall[T]) -> T:
        """Carry out a call and return its answer."""
        connection, response = self._request(call)
        try:
            return _read(call, response.read())
        except (OSError, http.client.HTTPException) as error:
            raise trouble(error, self.socket) from error
        finally:
            connection.close()

    def lines(self, call: ApiCall[T]) -> Iterator[T]:
        """Carry out a call whose answer is JSON lines, and yield them as they come."""
        connection, response = self._request(call)
        try:
            for line in response:
                yield _read(call, line)
        except (OSError, http.client.HTTPException) as error:
            raise trouble(error, self.socket) from error
        finally:
            connection.close()

    def save(self, call: ApiCall[Any], out: Sink) -> None:
        """Carry out a call whose answer is a file, and write it to ``out``."""
        connection, response = self._request(call)
        try:
            shutil.copyfileobj(response, out, 1 << 20)
        except (ConnectionError, TimeoutError, http.client.HTTPException) as error:
            raise trouble(error, self.socket) from error
        finally:
            connection.close()

    def _request(self, call: ApiCall[Any]) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        connection = _UnixConnection(self.socket, call.timeout)
        body = None if call.body is None else json.dumps(call.body).encode()
        headers = {**self._named, **({"content-type": "application/json"} if body else {})}
        try:
            if call.file is None:
                connection.request(call.method, call.target, body, headers)
            else:
                with call.file.open("rb") as file:
                    headers = {**self._named, "content-type": _BINARY}
                    connection.request(call.method, call.target, file, headers)
            response = connection.getresponse()
            if response.status >= 400 and response.status not in call.also:
                raise refusal(response.status, response.read())
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise trouble(error, self.socket) from error
        except MindBotError:
            connection.close()
            raise
        return connection, response


class AsyncClient:
    """The same for an event loop, over httpx. Use it as a context manager; it keeps its connections."""

    def __init__(self, socket: str | Path | None = None, console: str = "") -> None:
        import httpx

        self.socket = find_socket(socket, os.environ)
        # There is no TLS on a Unix socket; reading the certificates would cost 20 ms.
        transport = httpx.AsyncHTTPTransport(uds=str(self.socket), verify=False)
        named = {CONSOLE: console} if console else {}
        self._http = httpx.AsyncClient(transport=transport, base_url="http://mindbot", headers=named)

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.__aexit__(kind, error, trace)

    async def ask(self, call: ApiCall[T]) -> T:
        """Carry out a call and return its answer."""
        import httpx

        try:
            response = await self._http.send(self._request(call))
        except httpx.HTTPError as error:
            raise trouble(error, self.socket) from error
        if response.status_code >= 400 and response.status_code not in call.also:
            raise refusal(response.status_code, response.content)
        return _read(call, response.content)

    async def lines(self, call: ApiCall[T]) -> AsyncIterator[T]:
        """Carry out a call whose answer is JSON lines, and yield them as they come."""
        import httpx

        try:
            response = await self._http.send(self._request(call), stream=True)
            try:
                if response.status_code >= 400:
                    raise refusal(response.status_code, await response.aread())
                async for line in response.aiter_lines():
                    yield _read(call, line.encode())
            finally:
                await response.aclose()
        except httpx.HTTPError as error:
            raise trouble(error, self.socket) from error

    async def save(self, call: ApiCall[Any], out: Sink) -> None:
        """Carry out a call whose answer is a file, and write it to ``out``, in threads."""
        import anyio.to_thread
        import httpx

        try:
            async with self._http.stream(call.method, call.target, timeout=call.timeout) as response:
                if response.status_code >= 400:
                    raise refusal(response.status_code, await response.aread())
                async for chunk in response.aiter_raw(1 << 20):
                    await anyio.to_thread.run_sync(out.write, chunk)
        except httpx.HTTPError as error:
            raise trouble(error, self.socket) from error

    def _request(self, call: ApiCall[Any]) -> httpx.Request:
        if call.file is not None:
            raise NotImplementedError("files are uploaded by the blocking client")
        return self._http.build_request(call.method, call.target, json=call.body, timeout=call.timeout)


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("mindbot", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _read(call: ApiCall[T], body: bytes) -> T:
    try:
        return call.read(json.loads(body) if body else None)
    except (ValueError, TypeError, ValidationError) as error:
        raise MindBotError(
            f"cannot read the daemon's answer to {call.method} {call.path}",
            hint="are the daemon and this command of the same version?",
        ) from error


def refusal(status: int, body: bytes) -> MindBotError:
    """Return the error that a body describes; anything but our own body says at least its status."""
    try:
        problem = Problem.model_validate_json(body)
    except ValidationError:
        problem = Problem()
    return error_of(problem) if problem.message else MindBotError(f"the daemon answered {status}")


def trouble(error: BaseException, path: Path) -> MindBotError:
    """Say what a failed connection means for the reader."""
    chain = list(_causes(error))
    # A Unix socket whose backlog is full says EAGAIN at once.
    if any(isinstance(each, TimeoutError | BlockingIOError) for each in chain):
        return TimedOut(f"the daemon did not answer in time on {path}", hint="see: mindbot daemon status")
    if any(isinstance(each, PermissionError) for each in chain):
        return Forbidden(f"no permission to open {path}", hint="join the socket's group, or ask an admin")
    return Unreachable(
        f"no daemon answers on {path}",
        hint="start one with: mindbot up, or mindbot daemon run; with systemd: systemctl start mindbot",
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what it came from: httpx wraps the operating system's own."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
