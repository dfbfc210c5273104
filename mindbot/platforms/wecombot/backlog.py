"""Callbacks of a long connection on their way to the disk: one queue per chat, in the order they came.

They have no ack, so what a store cannot take is in memory only. A bot's are the same for all of its adapters
in a process: what one run could not store, the next one does, also that of a changed bot.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio
import structlog
from anyio.abc import TaskGroup

from mindbot.domain.errors import MindBotError
from mindbot.domain.message import Json
from mindbot.domain.shared import Shared
from mindbot.platforms.wecombot import wire

log = structlog.get_logger("mindbot.platforms.wecombot")

_MOST = 1000  # callbacks that wait; beyond that nothing more is read
_LARGEST = 64 << 20  # characters of them
_LAST = 1.0  # seconds in which a run that ends still stores what it has


@dataclass(frozen=True, slots=True)
class Callback:
    """One callback: its command, the request id that an answer names, its body and that as text."""

    command: str
    id: str
    body: Json
    raw: str

    @property
    def chat(self) -> str:
        """Return the conversation in which nothing may overtake it."""
        return wire.chat_of(self.body) or wire.user_of(self.body)


#: Puts a callback on disk, however long that takes; one that it returns from is done with.
Store = Callable[[Callback], Awaitable[None]]


class Backlog:
    """All of a bot's. A chat whose callback cannot be stored holds up no other."""

    def __init__(self) -> None:
        self._chats: dict[str, deque[Callback]] = {}
        self._working = anyio.Lock()
        self._tasks: TaskGroup | None = None
        self._store: Store | None = None
        self._room = anyio.Event()
        self._size = 0
        self.waiting = 0
        self.lost = 0  # what nobody could store, whatever was tried

    @classmethod
    def of(cls, shared: Shared, bot: str) -> Backlog:
        """Return that of a bot in this process."""
        return shared.of(("wecombot backlog", bot), cls)

    async def add(self, callback: Callback) -> None:
        """Take a callback over at once, and return when there is room for another."""
        self.waiting += 1
        self._size += len(callback.raw)
        if (queue := self._chats.get(callback.chat)) is not None:
            queue.append(callback)
        else:
            self._chats[callback.chat] = deque([callback])
            if self._tasks is not None and self._store is not None:
                self._tasks.start_soon(self._drain, callback.chat, self._store)
        while self.waiting > _MOST or self._size > _LARGEST:
            await self._room.wait()

    async def work(self, store: Store) -> None:
        """Store what is there and what comes until cancelled; a later run waits for the one before."""
        async with self._working:
            try:
                async with anyio.create_task_group() as tasks:
                    self._tasks, self._store = tasks, store
                    self._begin(tasks, store)
                    await anyio.sleep_forever()
            finally:
                self._tasks = self._store = None
                with anyio.move_on_after(_LAST, shield=True):
                    async with anyio.create_task_group() as tasks:
                        self._begin(tasks, store)

    def _begin(self, tasks: TaskGroup, store: Store) -> None:
        for chat in self._chats:
            tasks.start_soon(self._drain, chat, store)

    async def _drain(self, chat: str, store: Store) -> None:
        """Store a chat's callbacks one after the other; one that is cancelled meanwhile stays the first."""
        queue = self._chats[chat]
        while queue:
            callback = queue[0]
            try:
                await store(callback)
            except MindBotError as error:
                self.lost += 1
                log.error("callback not handled", command=callback.command, error=str(error))
            except Exception:
                self.lost += 1
                log.exception("callback not handled", command=callback.command)
            queue.popleft()
            self.waiting -= 1
            self._size -= len(callback.raw)
            self._room.set()
            self._room = anyio.Event()
        del self._chats[chat]
