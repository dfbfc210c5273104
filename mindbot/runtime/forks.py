"""Forks: sandboxes that go on from a moment of a session, in which nothing reaches anybody.

What had been said until then is copied and kept; what is said in a fork is answered with that and with what
was said in the fork since. Its messages are dry runs of the user's platform, so that they go where the user's
would go.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict, cast

from mindbot.domain import ids
from mindbot.domain.chat import ChatMessage
from mindbot.domain.errors import NotFound
from mindbot.domain.message import Json
from mindbot.domain.ports.store import HistoryStore, KeepStore, Kept

PREFIX = "fork:"
#: How many exchanges are copied at most.
MOST = 200
_KEPT = 30 * 86400.0  # seconds


class ForkedFrom(TypedDict):
    """What is kept of a fork: whose session it goes on from, and what had been said there, as lines."""

    of: str
    at: str
    platform: str
    bot: str
    user: str
    chat: str
    reply_to: Json
    lines: list[Json]


@dataclass(frozen=True, slots=True)
class Forks:
    """Keeps forks, and is the history of all sessions."""

    history: HistoryStore
    keep: KeepStore

    async def put(self, fork: ForkedFrom) -> str:
        """Keep a fork for a month; returns its session. Raises StoreError."""
        session = f"{PREFIX}{ids.show(ids.new_id())}"
        await self.keep.write([Kept("sessions", "", session, fork, time.time() + _KEPT)])
        return session

    async def find(self, session: str) -> ForkedFrom:
        """Return what is kept of a fork; raises NotFound, StoreError."""
        found = await self.keep.get("sessions", "", session)
        if found is None:
            raise NotFound(f"no fork {session!r}", hint="forks are kept for 30 days: mindbot session fork")
        return cast("ForkedFrom", found)

    async def last(self, session: str, before: int, turns: int, group: str = "") -> list[ChatMessage]:
        """Return the last exchanges of a session before a turn; see `HistoryStore.last`."""
        found = await self.history.last(session, before, turns, group)
        return await self._with_copied(session, found, turns)

    async def until(self, session: str, before: int, turns: int, group: str = "") -> list[ChatMessage]:
        """Return the same to a turn that is over; see `HistoryStore.until`."""
        found = await self.history.until(session, before, turns, group)
        return await self._with_copied(session, found, turns)

    async def _with_copied(self, session: str, found: list[ChatMessage], turns: int) -> list[ChatMessage]:
        if not session.startswith(PREFIX):
            return found
        copied = [ChatMessage.from_json(line) for line in (await self.find(session))["lines"]]
        lines = [*copied, *found]
        begins = [n for n, line in enumerate(lines) if line.role == "user"]
        return lines[begins[-turns] :] if len(begins) > turns else lines


def exchanges(lines: Sequence[ChatMessage]) -> int:
    """Return how many exchanges lines are of."""
    return sum(line.role == "user" for line in lines)
