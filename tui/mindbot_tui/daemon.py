"""The daemon as the console needs it: `mindbot_tui.remote.Remote`, or a fake."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from typing import Protocol, TypeVar

from mindbot.api.calls import ApiCall
from mindbot.api.saved import Sink
from mindbot.api.stream import Update

T = TypeVar("T")


class Daemon(Protocol):
    """Answers calls and tells what happens."""

    async def ask(self, call: ApiCall[T]) -> T:
        """Carry out a call; raises MindBotError."""

    async def save(self, call: ApiCall[None], out: Sink) -> None:
        """Carry out a call whose answer is a file, and write it; raises MindBotError."""

    def stream(self, topics: Iterable[str] = (), filter: str = "") -> AsyncGenerator[Update, None]:
        """Yield what happens, for ever."""

    async def aclose(self) -> None: ...
