"""A provider manager under test, and whom it asks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import anyio
import orjson
from pydantic import SecretStr

from mindbot.config.parts import read
from mindbot.domain.chat import ChatMessage, ChatRequest, Chunk
from mindbot.domain.errors import SecretError
from mindbot.domain.message import Json
from mindbot.domain.ports.store import Store
from mindbot.domain.spending import NOBODY, Payer
from mindbot.http.client import HttpClient
from mindbot.providers.management.standing import Standing
from mindbot.providers.manager import ProviderManager
from mindbot.sim.testing import simulated


class Vault:
    """Secrets named after themselves; ``lost`` is not there."""

    async def aget(self, value: SecretStr) -> str:
        if value.get_secret_value() == "lost":
            raise SecretError("no secret is called lost")
        return value.get_secret_value()


class Managed:
    """A manager over a configuration; remembers the waits between tries instead of waiting."""

    def __init__(
        self,
        http: HttpClient,
        providers: Json,
        fallback_order: tuple[str, ...] = (),
        *,
        store: Store | None = None,
        standing: Standing | None = None,
        now: float = 1_700_000_000.0,
        begin: bool = True,
        **more: Json,
    ) -> None:
        selection = {"fallback_order": fallback_order, **more.pop("selection", {})}
        config = read({"providers": providers, "provider_selection": selection, **more})
        self.waits: list[float] = []
        self.notes: Json = {}
        self.told: list[tuple[str, str]] = []
        self.chunks: list[Chunk] = []
        self.now = now
        if standing is None:
            keep, spending = (store.keep, store.spending) if store is not None else (None, None)
            standing = Standing(keep, spending, clock=lambda: self.now)
        self.standing = standing
        self.manager = ProviderManager(
            config, http, Vault(), standing, sleep=self._sleep, report=self._report
        )
        if begin:
            self.manager.begin()

    def _report(self, provider: str, state: str, reason: str) -> None:
        assert reason or state == "ok"
        self.told.append((provider, state))

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    async def ask(self, text: str = "hi", *, provider: str = "", payer: Payer = NOBODY, **more: Any) -> str:
        """Return the answer as somebody sees it at last; the trace is in ``notes``."""
        request = ChatRequest([ChatMessage("user", text)], **more)
        self.notes, self.chunks, shown = {}, [], ""
        ask = self.manager.chat(request, provider=provider, notes=self.notes, payer=payer)
        async with aclosing(ask) as chunks:
            async for chunk in chunks:
                self.chunks.append(chunk)
                shown = chunk.text if chunk.afresh else shown + chunk.text
        return shown

    def failed(self) -> list[tuple[str, ...]]:
        """Return who failed in the last call, with which key, and how."""
        failures = self.notes.get("failures", ())
        return [(f["provider"], *filter(None, [f.get("key")]), f["kind"]) for f in failures]


@asynccontextmanager
async def openai(fault: str | tuple[str, ...] = (), **settings: Any) -> AsyncIterator[Any]:
    """A simulated OpenAI and the entry that configures it."""
    async with simulated("openai", fault=fault, **settings) as far:
        far.entry = {"type": "openai", "base_url": far.base_url, "api_key": "k", "models": ["gpt-4"]}
        yield far


def scripted(reply: str = "", error: str = "", **more: Any) -> Json:
    return {"type": "scripted", "rules": [{"match": "", "reply": reply, "error": error}], **more}


class Answering:
    """A server that gives each request the same answer, in one piece."""

    def __init__(self, answer: Json) -> None:
        self._answer = orjson.dumps(answer)
        self.requests = 0
        self.entry: Json = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Answering]:
        async with (
            await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
            anyio.create_task_group() as tasks,
        ):
            port = listener.extra(anyio.abc.SocketAttribute.local_port)
            self.entry = {"type": "openai", "base_url": f"http://127.0.0.1:{port}/v1", "api_key": "k"}
            tasks.start_soon(listener.serve, self._serve)
            yield self
            tasks.cancel_scope.cancel()

    async def _serve(self, stream: anyio.abc.SocketStream) -> None:
        async with stream:
            data = b""
            while b"\r\n\r\n" not in data or not data.endswith(b"}"):
                data += await stream.receive()
            self.requests += 1
            head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
            await stream.send(f"{head}Content-Length: {len(self._answer)}\r\n\r\n".encode() + self._answer)
