"""The long connection: subscribed, kept up, and every frame matched with its answer.

Source: WeCom developer centre, "AI bot long connection" (path/101463), and the official SDKs (npm
@wecom/aibot-node-sdk, PyPI wecom-aibot-python-sdk). A bot has one live connection: the last to subscribe.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable

import anyio
import structlog
from anyio.abc import TaskGroup
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from mindbot.domain import fields, plain
from mindbot.domain.errors import AuthFailed, MindBotError, NetworkFailed, RateLimited, VendorError
from mindbot.domain.message import Json
from mindbot.domain.ports.http import Http
from mindbot.http.websocket import open_websocket
from mindbot.platforms.wecombot.errors import CONFLICT, NOT_SUBSCRIBED
from mindbot.platforms.wecombot.exchange import Exchange, new_id

log = structlog.get_logger("mindbot.platforms.wecombot")

#: Takes over a callback's command, request id, body and text; nothing more is read until it returns.
Handle = Callable[[str, str, Json, str], Awaitable[None]]
#: Returns BotID and Secret; raises AuthFailed.
ReadCredentials = Callable[[], Awaitable[tuple[str, str]]]

_STEADY = 5.0  # seconds after which a connection counts as having worked
_MAX_WAIT = 30.0
_CREDENTIALS_WAIT = 60.0
_LONGEST_CREDENTIALS_WAIT = 600.0
READY = 8.0  # seconds a frame waits for a connection
_TRIES = 4  # of one frame that meets another of its stream
_MAX_FRAME = 4 << 20


class Link:
    """One bot's connection. ``changed`` is called whenever its state does. Times are seconds."""

    def __init__(
        self,
        http: Http,
        url: str,
        credentials: ReadCredentials,
        handle: Handle,
        changed: Callable[[], None],
        *,
        ping: float = 30.0,
        answer: float = 5.0,
        evicted_wait: float = 300.0,
        backoff: float = 0.5,
    ) -> None:
        self._http = http
        self._url = url
        self._credentials = credentials
        self._handle = handle
        self._changed = changed
        self._ping = ping
        self._answer = answer
        self._wire = Exchange(answer)
        self._evicted_wait = evicted_wait
        self._backoff = backoff
        self._ready = anyio.Event()
        self._evicted = False
        self._heard = 0.0  # when anything last came (loop time)
        self._holding = False  # nothing is read until a callback is taken over
        self.state, self.reason, self.since, self.opened = "connecting", "", 0.0, 0
        self.refused: AuthFailed | None = None
        self.error: MindBotError | None = None  # why it is disconnected
        self._tried: tuple[str, str] | None = None  # BotID and Secret of the last attempt
        self._mended = anyio.Event()
        self.counts: Counter[str] = Counter()

    # -- kept up -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep it up until cancelled."""
        try:
            await self._keep()
        finally:
            self._become("closed", "")

    async def _keep(self) -> None:
        failures, refusals = 0, 0
        while True:
            error: MindBotError | None = None
            began = anyio.current_time()
            try:
                await self._live()
            except AuthFailed as refused:
                refusals += 1
                self.refused = refused
                self._mended = anyio.Event()
                self._become("needs credentials", str(refused))
                wait = min(_LONGEST_CREDENTIALS_WAIT, _CREDENTIALS_WAIT * 2.0 ** (refusals - 1))
                with anyio.move_on_after(wait * random.uniform(0.5, 1.0)):
                    await self._mended.wait()
                continue
            except MindBotError as failed:
                error = failed
            if self._evicted:
                await self._stand_back()
                continue
            self.error = error
            self._become("disconnected", str(error) if error else "the connection was lost")
            refusals = 0
            failures = 0 if anyio.current_time() - began >= _STEADY else failures + 1
            await anyio.sleep(self._wait(failures, error))

    def _wait(self, failures: int, error: MindBotError | None) -> float:
        wait = min(_MAX_WAIT, self._backoff * 2.0 ** min(failures, 10)) * random.uniform(0.5, 1.0)
        return max(wait, error.retry_after) if isinstance(error, RateLimited) else wait

    def again(self, credentials: tuple[str, str]) -> bool:
        """Try credentials at once where others were refused; returns whether that is so.

        The same ones would be refused again, and WeCom counts that.
        """
        if self.state != "needs credentials" or credentials == self._tried:
            return False
        self._mended.set()
        return True

    async def _stand_back(self) -> None:
        """Another client took the bot over: coming back at once would evict it, and so on for ever."""
        self._evicted = False
        self.counts["evicted"] += 1
        self._become("evicted", "another client took the bot over")
        if not self._evicted_wait:
            await anyio.sleep_forever()
        await anyio.sleep(self._evicted_wait * random.uniform(1.0, 1.2))

    def _become(self, state: str, reason: str) -> None:
        if (state, reason) != (self.state, self.reason):
            self.state, self.reason, self.since = state, reason, time.time()
            self._changed()

    async def _live(self) -> None:
        """Connect, subscribe, and read until the connection ends. Raises VendorError."""
        self._tried = None
        bot_id, secret = self._tried = await self._credentials()
        socket = await self._connect()
        failure: MindBotError | None = None
        try:
            async with anyio.create_task_group() as tasks:
                self._wire.use(socket)
                self._heard = anyio.current_time()
                tasks.start_soon(self._read, socket, tasks)
                try:
                    body = {"bot_id": bot_id, "secret": secret}
                    await self._wire.exchange("aibot_subscribe", new_id("aibot_subscribe"), body)
                except MindBotError as error:  # raised outside, or the group would wrap it
                    failure = error
                    tasks.cancel_scope.cancel()
                else:
                    self.opened += 1
                    self.refused = None
                    self._become("connected", "")
                    self._ready.set()
                    tasks.start_soon(self._beat, socket)
                    tasks.start_soon(self._watch, socket)
        finally:
            self._wire.use(None)
            self._ready = anyio.Event()
            await _closed(socket)
        if failure is not None:
            raise failure

    async def _connect(self) -> ClientConnection:
        """Open the connection; the protocol has pings of its own. Raises NetworkFailed."""
        return await open_websocket(self._http, self._url, max_size=_MAX_FRAME)

    async def _beat(self, socket: ClientConnection) -> None:
        """Ping; two that stay without an answer are the end of the connection."""
        missed = 0
        while True:
            await anyio.sleep(self._ping)
            began = anyio.current_time()
            try:
                await self._wire.exchange("ping", new_id("ping"), None)
            except NetworkFailed as error:
                if self._holding or (not error.sent and self._heard > began):
                    continue  # the answer may be there unread, or a large frame was in the ping's way
                missed += 1
                if missed >= 2:
                    log.info("connection was silent, replacing it", pings=missed)
                    socket.transport.abort()
                    return
            except VendorError as error:
                if error.code == NOT_SUBSCRIBED:
                    await _closed(socket)
                    return
            else:
                missed = 0

    async def _watch(self, socket: ClientConnection) -> None:
        """Break the connection off when nothing comes for as long as two pings and their answers take."""
        longest = 2 * (self._ping + self._answer)
        while True:
            left = self._heard + longest - anyio.current_time()
            if left <= 0 and not self._holding:
                break
            await anyio.sleep(max(left, self._answer))
        log.info("connection was silent, replacing it", seconds=longest)
        socket.transport.abort()

    # -- frames in ---------------------------------------------------------------------------------------

    async def _read(self, socket: ClientConnection, tasks: TaskGroup) -> None:
        """Hand out frames until the connection ends; then nobody need wait for anything of it."""
        try:
            while True:
                text = await socket.recv(decode=False)
                self._heard = anyio.current_time()
                frame = _frame(text)
                id = fields.text(fields.mapping(frame.get("headers")).get("req_id"))
                command, body = fields.text(frame.get("cmd")), fields.mapping(frame.get("body"))
                if not command and id:
                    self._wire.answered(id, frame)
                    continue
                if not command or not body:
                    self.counts["bad_frames"] += 1
                    log.warning("not a frame", length=len(text), names=sorted(frame)[:8])
                    continue
                if fields.mapping(body.get("event")).get("eventtype") == "disconnected_event":
                    self._evicted = True
                    continue
                self.counts["callbacks"] += 1
                self._holding = True
                await self._take(command, id, body)
                self._holding, self._heard = False, anyio.current_time()
        except ConnectionClosed as closed:
            log.info("connection ended", reason=str(closed))
        tasks.cancel_scope.cancel()

    async def _take(self, command: str, id: str, body: Json) -> None:
        """Hand a callback over. There is no ack on this wire, and none may end the connection."""
        try:
            await self._handle(command, id, body, json.dumps(body, ensure_ascii=False))
        except Exception:
            self.counts["lost"] += 1
            log.exception("callback not handled", command=command)

    # -- frames out --------------------------------------------------------------------------------------

    async def request(self, command: str, body: Json, *, id: str = "", ready: float = READY) -> Json:
        """Send a frame and return the body of its answer; ``id`` is the request id of a callback it answers.

        It waits ``ready`` seconds for a connection. A lost subscription is made anew and the frame sent once
        more; a conflict is tried again.

        Raises:
            AuthFailed: BotID and Secret are not accepted.
            NetworkFailed: no connection (``sent`` false), or no answer.
            VendorError: WeCom refused it.
        """
        id = id or new_id(command)
        renewed = False
        for attempt in range(1, _TRIES + 1):
            await self._until_ready(ready)
            try:
                return await self._wire.exchange(command, id, body)
            except VendorError as error:
                if error.code == NOT_SUBSCRIBED and not renewed:
                    renewed = True
                    await self._renew()
                elif error.code == CONFLICT and attempt < _TRIES:
                    await anyio.sleep(0.2 * 2**attempt * random.uniform(0.5, 1.0))
                else:
                    raise
        raise NetworkFailed(f"{command}: no connection stayed long enough", sent=False)

    async def _until_ready(self, seconds: float) -> None:
        with anyio.move_on_after(seconds):
            while not self._can_send():
                if self.refused is not None:
                    raise AuthFailed(self.refused.message, hint=self.refused.hint, code=self.refused.code)
                if self.state == "evicted":
                    hint = "stop the other client, then `mindbot platform restart`; see `evicted_wait`"
                    raise NetworkFailed("another client took the bot over", hint=hint, sent=False)
                with anyio.move_on_after(0.05):
                    await (anyio.sleep_forever() if self._ready.is_set() else self._ready.wait())
            return
        raise NetworkFailed(f"not connected: {self.reason or self.state}", sent=False)

    def _can_send(self) -> bool:
        """Whether there is a connection; one that breaks off is none, before its reader knows of it."""
        socket = self._wire.socket
        if socket is None or not self._ready.is_set():
            return False
        return socket.state is State.OPEN and not socket.transport.is_closing()

    async def _renew(self) -> None:
        """The subscription is lost though the connection is open: begin anew."""
        self.counts["renewed"] += 1
        if (socket := self._wire.socket) is not None:
            self._ready = anyio.Event()
            await _closed(socket)


async def _closed(socket: ClientConnection) -> None:
    """Close a connection in good order if that is possible: the other side may not read any more."""
    with anyio.CancelScope(shield=True), anyio.move_on_after(2.0):
        await socket.close()
    socket.transport.abort()


def _frame(text: bytes) -> Json:
    """Return a frame; what is none has nothing in it."""
    try:
        return fields.mapping(plain.loads(text))
    except ValueError:
        return {}
