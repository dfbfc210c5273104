"""The event stream as an endless iterator that survives the daemon.

async for update in events(topics=["turn"], filter='platform == "wecom"'):
    match update:
        case Batch(found): ...        # dicts, oldest first
        case Gap(count): ...          # so many were dropped
        case Reset(): ...             # earlier events are gone for good: list again
        case Connected(): ...
        case Disconnected(reason): ...
"""

from __future__ import annotations

import os
import random
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlencode

import anyio
import orjson

from mindbot.api.client import refusal, trouble
from mindbot.api.sockets import find_socket
from mindbot.domain.errors import MindBotError, TimedOut, Unreachable
from mindbot.domain.shapes.events import EventJson

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

OPEN_TIMEOUT = 10.0  # seconds
MIN_BACKOFF, MAX_BACKOFF = 0.05, 1.0  # seconds; on one machine asking again costs next to nothing
MOST = 16 << 20  # bytes in one message


@dataclass(frozen=True, slots=True)
class StreamPlace:
    """Where a reader is in the stream. An epoch is one run of the daemon."""

    epoch: str
    seq: int

    def __str__(self) -> str:
        return f"{self.epoch}:{self.seq}"


@dataclass(frozen=True, slots=True)
class Batch:
    """Events, oldest first."""

    events: list[EventJson]


@dataclass(frozen=True, slots=True)
class Gap:
    """So many events were dropped, because the reader or the daemon was too slow."""

    count: int


@dataclass(frozen=True, slots=True)
class Reset:
    """The events since the last place are not to be had: the daemon was started again, or it is too long ago.
    Whoever keeps a picture of things lists them again."""

    epoch: str


@dataclass(frozen=True, slots=True)
class Connected:
    """The stream is open; ``again`` when it was before."""

    again: bool = False


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The stream broke off; it is opened again by itself."""

    reason: str


Update: TypeAlias = Batch | Gap | Reset | Connected | Disconnected


async def events(
    socket: str | Path | None = None,
    *,
    topics: Iterable[str] = (),
    filter: str = "",
    since: StreamPlace | None = None,
    patient: bool = False,
    console: str = "",
) -> AsyncGenerator[Update, None]:
    """Yield updates for ever; leave it with ``aclosing``.

    A connection that breaks is opened again, with back-off, where it broke off. ``topics`` may name topics
    (``turn``) and types (``turn.answered``); without any come the quiet ones. ``console`` is
    what a console calls itself: what it has set of breakpoints goes a while after its last stream.

    Raises:
        Unreachable, TimedOut: no daemon answers the first time, unless ``patient``.
        BadFilter, Invalid, Forbidden: the daemon refuses; asking again would not help.
    """
    path = find_socket(socket, os.environ)
    reader = _Reader(path, ",".join(topics), filter, since, console)
    again, wait = False, MIN_BACKOFF
    while True:
        try:
            async with reader.connected() as connection:
                yield Connected(again)
                async for update in reader.updates(connection, again):
                    yield update
            yield Disconnected("the daemon closed the stream")
            again, wait = True, MIN_BACKOFF
        except (Unreachable, TimedOut):
            if not (again or patient):
                raise
        await anyio.sleep(wait * random.uniform(0.5, 1.0))
        wait = min(MAX_BACKOFF, wait * 2)


class _Reader:
    """One stream over as many connections as it takes; keeps its place."""

    def __init__(self, path: Path, topics: str, filter: str, since: StreamPlace | None, console: str) -> None:
        self._path = path
        self._query = {"topics": topics, "filter": filter} | ({"console": console} if console else {})
        self._place = since

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[ClientConnection]:
        """Open a connection; raises MindBotError."""
        from websockets.asyncio.client import unix_connect
        from websockets.exceptions import InvalidHandshake, InvalidStatus

        place = {"since": str(self._place)} if self._place else {}
        uri = f"ws://mindbot/v1/events?{urlencode(self._query | place)}"
        try:
            connection = await unix_connect(
                str(self._path),
                uri,
                compression=None,
                ping_interval=None,  # on one machine the kernel tells when the other end is gone
                open_timeout=OPEN_TIMEOUT,
                close_timeout=1.0,
                max_size=MOST,
            )
        except InvalidStatus as error:
            raise refusal(error.response.status_code, bytes(error.response.body)) from error
        except (OSError, InvalidHandshake, EOFError) as error:
            raise trouble(error, self._path) from error
        try:
            yield connection
        finally:
            await connection.close()

    async def updates(self, connection: ClientConnection, again: bool) -> AsyncIterator[Update]:
        """Yield what comes until the connection ends; ``again`` when it is not the first."""
        from websockets.exceptions import ConnectionClosed

        try:
            while True:
                message = orjson.loads(await connection.recv())
                if isinstance(message, list):
                    if message:
                        yield Batch(message)
                        self._place = StreamPlace(message[-1]["epoch"], message[-1]["seq"])
                elif "gap" in message:
                    yield Gap(message["gap"])
                elif "reset" in message:
                    self._place = StreamPlace(message["reset"], message["seq"])
                    yield Reset(message["reset"])
                elif "seq" in message:
                    if again and self._place is None:  # it broke before we knew where we were
                        yield Reset(message["epoch"])
                    self._place = StreamPlace(message["epoch"], message["seq"])
        except ConnectionClosed:
            return
        except (ValueError, LookupError, TypeError) as error:
            raise MindBotError(
                "cannot read the daemon's event stream",
                hint="are the daemon and this command of the same version?",
            ) from error
