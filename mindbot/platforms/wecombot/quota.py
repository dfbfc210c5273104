"""How many messages a conversation may get: 30 a minute and 1,000 an hour, replies and others together.

Source: WeCom developer centre, "AI bot long connection" (path/101463).
"""

from __future__ import annotations

from collections import OrderedDict

import anyio

from mindbot.platforms.pace import Pace

_LONGEST = 15.0  # seconds a message waits for its place here; then it waits in the outbox
_STEP = 0.25  # seconds
_KEPT = 10_000  # conversations


class ConversationQuotas:
    """Buckets by conversation. Together a burst and what comes after it stay within the limit."""

    def __init__(self) -> None:
        self._paces: OrderedDict[str, tuple[Pace, Pace]] = OrderedDict()

    def free(self, chat: str) -> bool:
        """Take a place if there is one now."""
        minute, hour = self._of(chat)
        return minute.free() and hour.free()

    async def wait(self, chat: str) -> bool:
        """Wait for a place; False when it takes too long."""
        for _ in range(int(_LONGEST / _STEP)):
            if self.free(chat):
                return True
            await anyio.sleep(_STEP)
        return False

    def _of(self, chat: str) -> tuple[Pace, Pace]:
        found = self._paces.pop(chat, None) or (Pace(20, 60.0, burst=10), Pace(800, 3600.0, burst=200))
        self._paces[chat] = found
        if len(self._paces) > _KEPT:
            self._paces.popitem(last=False)
        return found
