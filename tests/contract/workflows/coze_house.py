"""An app of Coze's over real sockets, its parts in memory, and turns that ask it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
from aiohttp import web
from pydantic import SecretStr

from mindbot.config.workflows import WorkflowSettings
from mindbot.domain.chat import Attachment, Chunk
from mindbot.domain.message import Json, Message, text_part
from mindbot.domain.turn import Turn
from mindbot.http.client import HttpClient
from mindbot.testing.platforms import Inbox, MemoryKeep
from mindbot.workflows.apps import AppCall, AppParts
from mindbot.workflows.coze.app import CozeApp


class PlainSecrets:
    """Secrets are what the settings say."""

    async def aget(self, value: SecretStr, /) -> str:
        return value.get_secret_value()


async def once(turn: Turn, key: str, step: Callable[[], Awaitable[Any]]) -> Any:
    """Remember a step with its turn."""
    if key not in turn.memo:
        turn.memo[key] = await step()
    return turn.memo[key]


async def nowhere(id: str) -> Path:
    raise AssertionError(f"nobody asked for {id}")


@dataclass
class Said:
    """What came of a run."""

    text: str = ""
    last: Chunk = field(default_factory=Chunk)

    def take(self, chunk: Chunk) -> None:
        self.text = chunk.text if chunk.afresh else self.text + chunk.text
        self.last = chunk


class CozeHouse:
    """An app and what it keeps; ``restarted`` makes another process of it."""

    def __init__(self, http: HttpClient, base_url: str, **settings: Any) -> None:
        self.keep = MemoryKeep(Inbox())
        self.settings = WorkflowSettings.model_validate({"type": "coze", "base_url": base_url, **settings})
        self.parts = AppParts(http, PlainSecrets(), self.keep, once, nowhere, time.time)
        self._number = 0
        self.app = self._built()

    def _built(self) -> CozeApp:
        return CozeApp.build("hr", self.settings, "", self.parts)

    def restarted(self) -> None:
        self.app = self._built()

    def turn(self, text: str = "hello") -> Turn:
        self._number += 1
        message = Message(
            "console",
            "c",
            str(self._number),
            "s",
            "ann",
            "text",
            (text_part(text),),
            {},
            received=time.time(),
        )
        return Turn(self._number, message, started=time.time())

    def call(self, turn: Turn, *files: Attachment, timeout: float = 10.0, **more: Any) -> AppCall:
        asked: Json = {"key": "run:hr", "user": "console:ann", "conversation": "s", **more}
        deadline = anyio.current_time() + timeout
        return AppCall(turn.message.text, files=files, deadline=deadline, **asked)

    async def ask(self, turn: Turn | None = None, *files: Attachment, **more: Any) -> Said:
        turn = turn or self.turn()
        said = Said()
        async with aclosing(self.app.run(turn, self.call(turn, *files, **more))) as chunks:
            async for chunk in chunks:
                said.take(chunk)
        return said

    async def answer(self, form: Mapping[str, Any], action: str = "", **inputs: str) -> Said:
        turn, said = self.turn("answer"), Said()
        told = {"" if name == "words" else name: value for name, value in inputs.items()}
        call = self.call(turn, key=f"form:{form['form_token']}")
        async with aclosing(self.app.resume(turn, call, dict(form), action, told)) as chunks:
            async for chunk in chunks:
                said.take(chunk)
        return said


@asynccontextmanager
async def served(*routes: web.RouteDef) -> AsyncIterator[str]:
    """Serve a few routes on loopback; yields the base URL."""
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
