"""What a turn remembers of a run, so that another process takes it up instead of starting it again.

Each start has a number. Before it is asked for, the moment and the conversation are noted; then its ids, as
they arrive; and that it is over, where it failed in a way that lets another start follow. A turn's memo is
written when the store comes to it; what no process may miss is on disk before anything goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anyio
import structlog

from mindbot.domain.errors import StoreError
from mindbot.domain.message import Json
from mindbot.domain.turn import RETRIED, Turn
from mindbot.pipeline.services import Once
from mindbot.workflows.apps import AppParts

_log = structlog.get_logger(__name__)
#: Seconds that a start is on disk: longer than a daemon is down before its turns are too old.
_KEPT = 2 * 24 * 3600.0
#: What the keys begin with under which starts are on disk; then come the turn's number and `AppCall.key`.
PLACE = "run:"
#: Why a start is over whose run may have come to its end unseen.
LOST = "lost"


_NOTES = frozenset({"started", "run", "ids", "over", "left"})


def is_note(key: str) -> bool:
    """Tell whether something in a turn's memo is a note about a run, by which that run is taken up again."""
    parts = key.rsplit(":", 2)
    return len(parts) == 3 and parts[1].isdigit() and parts[2] in _NOTES


class RememberedRun:
    """See the module. ``key`` is `AppCall.key`; `load` comes first."""

    def __init__(self, parts: AppParts, turn: Turn, key: str) -> None:
        self._once: Once = parts.once
        self._clock = parts.clock
        self._keep = parts.keep
        self._turn = turn
        self._key = key
        self._kept: Json = {}
        self._lost = 0  # before the start in hand
        self.number = 1
        while (over := turn.memo.get(self._name("over"))) is not None:
            self._lost += over == LOST
            self.number += 1

    async def load(self) -> None:
        """Read what is on disk and was not in the memo yet when a process died; raises StoreError."""
        turn = self._turn
        if turn.attempt > 1 and turn.number > 0 and RETRIED not in turn.memo:
            kept = await self._keep.get(self._place)
            if kept is not None and kept["number"] >= self.number:
                self.number, self._kept = kept["number"], kept

    @property
    def started(self) -> float:
        """When the start in hand was asked for, Unix seconds; 0: it was not."""
        return float(self._start.get("at", 0.0))

    @property
    def conversation(self) -> str:
        """The conversation that the start in hand was part of; empty for a new one."""
        return str(self._start.get("conversation", ""))

    @property
    def lost(self) -> int:
        """How many starts are over whose runs may have come to their end unseen."""
        return max(self._lost, int(self._start.get("lost", 0)))

    @property
    def ids(self) -> dict[str, str]:
        """The ids of the start in hand, as far as they came."""
        memo = self._turn.memo
        return {
            **self._kept.get("ids", {}),
            **memo.get(self._name("run"), {}),
            **memo.get(self._name("ids"), {}),
        }

    @property
    def _start(self) -> Json:
        noted: Json | None = self._turn.memo.get(self._name("started")) or self._kept.get("start")
        return noted or {}

    @property
    def _place(self) -> str:
        return f"{PLACE}{self._turn.number}:{self._key}"

    async def start(self, conversation: str, app: str) -> None:
        """Note that a run is going to be asked for; ``app`` is `App.identity`."""
        lost, self._kept = self.lost, {}
        start: dict[str, str | float] = {"at": self._clock(), "conversation": conversation}
        start |= {"app": app, "lost": lost}
        await self._note("started", start)
        await self._write()

    async def know(self, ids: Mapping[str, str]) -> None:
        """Note the ids of the start in hand: first that of a header, then those of an event."""
        name, first = "run" if set(ids) == {"workflow_run_id"} else "ids", not self.ids
        if ids and self._name(name) not in self._turn.memo:
            await self._note(name, dict(ids))
            if first:
                await self._write()

    @property
    def left(self) -> bool:
        """Whether a process that ended has left the start in hand to the next one."""
        return self._name("left") in self._turn.memo

    async def leave(self) -> None:
        """Note that this process leaves the start in hand to the next one."""
        with anyio.CancelScope(shield=True):
            await self._note("left", "the daemon ended")

    async def over(self, why: str, *, lost: bool = False) -> None:
        """Note that the start in hand came to nothing; the next one has a number of its own."""
        self._lost = self.lost + lost
        await self._note("over", LOST if lost else why)
        self._kept = {}
        self.number += 1

    async def _note(self, what: str, value: Mapping[str, str | float] | str) -> None:
        async def told() -> Any:
            return value

        if self._turn.number > 0:
            await self._once(self._turn, self._name(what), told)
        else:  # a run by hand is on no disk
            self._turn.memo[self._name(what)] = value

    async def _write(self) -> None:
        """Have it on disk now. A disk that takes nothing costs what a crash would make of it."""
        if self._turn.number <= 0:
            return
        value = {"number": self.number, "start": self._start, "ids": self.ids}
        try:
            await self._keep.put(self._place, value, ttl=_KEPT)
        except StoreError as exc:
            _log.warning("a run is not remembered on disk", turn=self._turn.id, key=self._key, error=str(exc))

    def _name(self, what: str) -> str:
        return f"{self._key}:{self.number}:{what}"
