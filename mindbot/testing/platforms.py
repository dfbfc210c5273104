"""The test kit for platform adapters: small stand-ins for what the runtime gives them.

The contract that every adapter keeps is `mindbot.testing.platform_contract`.
"""

from __future__ import annotations

import copy
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
from aiohttp import web
from pydantic import SecretStr

from mindbot.domain.host import Host, TurnAnswer
from mindbot.domain.message import Json, Message
from mindbot.domain.ports.platform import Platform, Receipt, Receive, Webhook, WebhookRequest
from mindbot.domain.shapes.turns import Plain
from mindbot.http.client import HttpClient
from mindbot.media.folder import FolderMedia


class PlainSecrets:
    """Secrets that need no looking up."""

    async def aget(self, value: SecretStr, /) -> str:
        return value.get_secret_value()


class Inbox:
    """Stands in for the intake: keeps messages; ``error`` makes it refuse, ``hold`` makes it wait."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.error: Exception | None = None
        self.entered = anyio.Event()
        self._go = anyio.Event()
        self._go.set()

    def hold(self) -> None:
        """Let the next messages wait until `release`."""
        self._go = anyio.Event()

    def release(self) -> None:
        self._go.set()

    async def receive(self, message: Message) -> Receipt:
        self.entered.set()
        await self._go.wait()
        if self.error:
            raise self.error
        duplicate = any(seen.key == message.key for seen in self.messages)
        self.messages.append(message)
        return Receipt(len(self.messages), duplicate)


class MemoryKeep:
    """A `Keep` without a disk; ``ttl`` is ignored. ``error`` makes it refuse, ``stalled`` never end;
    ``unreadable`` are keys whose values are lost."""

    def __init__(self, inbox: Inbox) -> None:
        self.values: dict[str, Json] = {}
        self.unreadable: set[str] = set()
        self.error: Exception | None = None
        self.stalled = False
        self._inbox = inbox

    async def get(self, key: str) -> Json | None:
        return copy.deepcopy(self.values.get(key))

    async def lost(self, key: str) -> bool:
        return key in self.unreadable

    async def put(self, key: str, value: Plain | None, *, ttl: float = 0.0) -> None:
        if self.stalled:
            await anyio.sleep_forever()
        if self.error:
            raise self.error
        self._write(key, value)

    async def items(self, prefix: str, *, limit: int = 1000) -> dict[str, Json]:
        keys = [key for key in sorted(self.values) if key.startswith(prefix)][:limit]
        return {key: copy.deepcopy(self.values[key]) for key in keys}

    async def turn_of(self, key: str) -> str:
        found = (n for n, seen in enumerate(self._inbox.messages, 1) if seen.key == key)
        return next((str(n) for n in found), "")

    async def receive(
        self,
        messages: Sequence[Message],
        values: Mapping[str, Plain],
        *,
        ttl: float | Mapping[str, float] = 0.0,
    ) -> list[Receipt]:
        if self.error:
            raise self.error
        receipts = [await self._inbox.receive(message) for message in messages]
        for key, value in values.items():
            self._write(key, value)
        return receipts

    def _write(self, key: str, value: Plain | None) -> None:
        if value is None:
            self.values.pop(key, None)
        else:
            self.values[key] = json.loads(json.dumps(value))


class Desk:
    """Keeps what an adapter tells and asks of the runtime: ``told`` and ``stopped``; ``answers`` by turn."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Plain]] = []
        self.stopped: list[str] = []
        self.answers: dict[str, TurnAnswer | None] = {}

    async def answer(self, turn: str) -> TurnAnswer | None:
        return self.answers.get(turn, TurnAnswer(done=False))

    async def tell(self, subject: str, fact: Plain) -> None:
        self.told.append((subject, fact))

    async def stop(self, turn: str) -> bool:
        self.stopped.append(turn)
        return True


def a_host(http: HttpClient, inbox: Inbox, folder: Path, *, desk: Desk | None = None) -> Host:
    """Return what ``Platform.build`` is given, with media in ``folder`` and nothing else on disk."""
    desk = desk or Desk()
    return Host(
        http=http,
        secrets=PlainSecrets(),
        keep=MemoryKeep(inbox),
        media=FolderMedia(folder, http),
        stop=desk.stop,
        told=desk.tell,
        answer=desk.answer,
    )


class HealthReports:
    """Keeps what an adapter reports; ``states`` is without the reasons."""

    def __init__(self) -> None:
        self.reports: list[tuple[str, str]] = []
        self._told = anyio.Event()

    @property
    def states(self) -> list[str]:
        return [state for state, _ in self.reports]

    def report(self, state: str, reason: str) -> None:
        self.reports.append((state, reason))
        self._told.set()

    async def until(self, state: str) -> str:
        """Wait for a state; return its reason."""
        while True:
            for told, reason in self.reports:
                if told == state:
                    return reason
            self._told = anyio.Event()
            await self._told.wait()


class Running:
    """An adapter's `run` in the background; see `running`."""

    def __init__(self) -> None:
        self.scope = anyio.CancelScope()
        self.ended = anyio.Event()

    async def stop(self) -> None:
        """End it, as the daemon does when it stops."""
        self.scope.cancel()
        await self.ended.wait()


@asynccontextmanager
async def running(platform: Platform, inbox: Inbox, health: HealthReports) -> AsyncIterator[Running]:
    """Let an adapter live while the block runs; begins once it reports ``ok``."""
    life = Running()

    async def run() -> None:
        try:
            with life.scope:
                await platform.run(inbox.receive, health.report)
        finally:
            life.ended.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        await health.until("ok")
        yield life
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def served(webhook: Webhook, receive: Receive) -> AsyncIterator[str]:
    """Serve a webhook on a free loopback port while the block runs; yields its URL."""

    async def handle(request: web.BaseRequest) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = await request.read()
        asked = WebhookRequest(request.method, request.path, dict(request.query), body, headers)
        answer = await webhook.callback(asked, receive)
        return web.Response(
            status=answer.status, body=answer.body, headers={"content-type": answer.content_type}
        )

    runner = web.ServerRunner(web.Server(handle, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/{webhook.name}/{webhook.bot}/callback"
    finally:
        await runner.cleanup()
