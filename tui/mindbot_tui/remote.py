"""The daemon's socket as the console uses it."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncGenerator, Iterable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.to_thread

from mindbot.api.calls import ApiCall
from mindbot.api.client import AsyncClient
from mindbot.api.saved import Sink
from mindbot.api.sockets import find_socket
from mindbot.api.stream import Update, events

T = TypeVar("T")


class Remote:
    """Answers calls and opens streams. What it needs for that is imported at the first one."""

    def __init__(self, socket: str | Path | None = None) -> None:
        self.socket = find_socket(socket, os.environ)
        #: What this console calls itself: its breakpoints go with it.
        self.name = f"console-{secrets.token_hex(3)}"
        self._client: AsyncClient | None = None
        self._open = AsyncExitStack()
        self._opening = anyio.Lock()

    async def ask(self, call: ApiCall[T]) -> T:
        """Carry out a call; raises MindBotError."""
        return await (await self._opened()).ask(call)

    async def save(self, call: ApiCall[None], out: Sink) -> None:
        """Carry out a call whose answer is a file, and write it; raises MindBotError."""
        await (await self._opened()).save(call, out)

    def stream(self, topics: Iterable[str] = (), filter: str = "") -> AsyncGenerator[Update, None]:
        """Yield what happens, for ever; waits for a daemon that is not there yet."""
        return events(self.socket, topics=topics, filter=filter, patient=True, console=self.name)

    async def aclose(self) -> None:
        await self._open.aclose()

    async def _opened(self) -> AsyncClient:
        async with self._opening:
            if self._client is None:
                # 0.15 s of CPU that the first screen does not wait for.
                await anyio.to_thread.run_sync(partial(__import__, "httpx"))
                self._client = await self._open.enter_async_context(
                    AsyncClient(self.socket, console=self.name)
                )
            return self._client
