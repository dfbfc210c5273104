"""What a turn remembers of a run, so that another process takes it up instead of starting it again.

Each start has a number. Before it is asked for, the moment and the conversation are noted; then its ids, as
they arrive; and that it is over, where it failed in a way that lets another start follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mindbot.domain.turn import RETRIED, Turn
from mindbot.pipeline.services import Once
from mindbot.workflows.apps import AppParts


class RememberedRun:
    """See the module. ``key`` is `AppCall.key`. ``starts`` counts those of this process."""

    def __init__(self, parts: AppParts, turn: Turn, key: str) -> None:
        self._once: Once = parts.once
        self._clock = parts.clock
        self._turn = turn
        self._key = key
        self.starts = 0
        self.number = 1
        while self._name("over") in turn.memo:
            self.number += 1

    @property
    def started(self) -> float:
        """When the start in hand was asked for, Unix seconds; 0: it was not, as far as anybody knows.

        A turn that was open in a crash may have asked without having said so to the disk in time.
        """
        memo, turn = self._turn.memo, self._turn
        if noted := memo.get(self._name("started")):
            return float(noted["at"])
        lost = turn.attempt > 1 and self.number == 1 and RETRIED not in memo
        return (turn.started or turn.message.received) if lost else 0.0

    @property
    def conversation(self) -> str:
        """The conversation that the start in hand was part of; empty for a new one."""
        return str(self._turn.memo.get(self._name("started"), {}).get("conversation", ""))

    @property
    def ids(self) -> dict[str, str]:
        """The ids of the start in hand, as far as they came."""
        memo = self._turn.memo
        return {**memo.get(self._name("run"), {}), **memo.get(self._name("ids"), {})}

    async def start(self, conversation: str) -> None:
        """Note that a run is going to be asked for."""
        self.starts += 1
        await self._note("started", {"at": self._clock(), "conversation": conversation})

    async def know(self, ids: Mapping[str, str]) -> None:
        """Note the ids of the start in hand: first that of a header, then those of an event."""
        name = "run" if set(ids) == {"workflow_run_id"} else "ids"
        if ids and self._name(name) not in self._turn.memo:
            await self._note(name, dict(ids))

    async def over(self, why: str) -> None:
        """Note that the start in hand came to nothing; the next one has a number of its own."""
        await self._note("over", why)
        self.number += 1

    async def _note(self, what: str, value: Mapping[str, str | float] | str) -> None:
        async def told() -> Any:
            return value

        if self._turn.number > 0:
            await self._once(self._turn, self._name(what), told)
        else:  # a run by hand is on no disk
            self._turn.memo[self._name(what)] = value

    def _name(self, what: str) -> str:
        return f"{self._key}:{self.number}:{what}"
