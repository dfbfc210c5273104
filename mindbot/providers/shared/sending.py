"""How many bytes of attachments are in memory for calls under way, over all providers of the process."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio

from mindbot.domain.chat import Attachment, ChatMessage
from mindbot.domain.errors import Overloaded
from mindbot.providers.shared.attachments import MOST_TOGETHER
from mindbot.providers.shared.limits import OWN_LIMITS

#: Bytes; in base64 and as JSON they are held twice more.
MOST_AT_ONCE = 4 * MOST_TOGETHER


class SendingRoom:
    """Calls wait their turn, the first first, while ``most`` bytes are on their way."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._waiting: deque[tuple[int, anyio.Event]] = deque()

    @asynccontextmanager
    async def room(self, name: str, messages: Sequence[ChatMessage], patience: float) -> AsyncIterator[None]:
        """Hold room for what these lines hold or name, for ``patience`` seconds at most waited for.

        Raises:
            Overloaded: there was none in time; ``name`` is who would have been asked.
        """
        files = [part for message in messages for part in message.attachments]
        if not files:
            yield
            return
        size = min(await anyio.to_thread.run_sync(_size, files), MOST_TOGETHER)
        await self._take(name, size, patience)
        try:
            yield
        finally:
            self._free += size
            self._let_in()

    async def _take(self, name: str, size: int, patience: float) -> None:
        place = size, anyio.Event()
        self._waiting.append(place)
        self._let_in()
        try:
            with anyio.move_on_after(patience):
                await place[1].wait()
        except BaseException:
            if place[1].is_set():
                self._free += size
            raise
        finally:
            if not place[1].is_set():
                self._waiting.remove(place)
            self._let_in()
        if not place[1].is_set():
            why = f"{name}: other pictures and files were on their way for {patience:g}s"
            raise Overloaded(why, code=OWN_LIMITS[1])

    def _let_in(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._free:
            size, event = self._waiting.popleft()
            self._free -= size
            event.set()


def _size(files: list[Attachment]) -> int:
    size = 0
    for file in files:
        size += len(file.data)
        if file.path and not file.data:
            with suppress(OSError):  # who reads it says why
                size += Path(file.path).stat().st_size
    return size


SENDING = SendingRoom(MOST_AT_ONCE)
