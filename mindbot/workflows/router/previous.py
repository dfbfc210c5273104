"""Which workflow answered last in a session: short follow-ups stay with it, also after a restart."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from mindbot.domain import fields
from mindbot.domain.host import Keep

_SESSIONS = 10_000  # remembered in memory
_RENEWED = 0.25  # of the time it counts: how old what is on disk may become


@dataclass(frozen=True, slots=True)
class Answered:
    """A workflow, and when it answered (Unix seconds)."""

    workflow: str
    ts: float


class Previous:
    """See the module. ``seconds`` is how long it counts; 0: nothing is remembered."""

    def __init__(self, keep: Keep, seconds: float, clock: Callable[[], float]) -> None:
        self._keep = keep
        self._seconds = seconds
        self._clock = clock
        self._known: OrderedDict[str, Answered | None] = OrderedDict()
        self._kept: dict[str, Answered] = {}

    async def of(self, session: str) -> Answered | None:
        """Return who answered last; None where nobody did, or too long ago. Raises StoreError."""
        if not self._seconds:
            return None
        if session in self._known:
            self._known.move_to_end(session)
            found = self._known[session]
        else:
            row = await self._keep.get(f"previous:{session}") or {}
            workflow = fields.text(row.get("workflow"))
            found = Answered(workflow, fields.number(row.get("ts"))) if workflow else None
            self._remember(session, found)
            if found is not None:
                self._kept[session] = found
        return found if found is not None and self._clock() - found.ts <= self._seconds else None

    async def answered(self, session: str, workflow: str) -> None:
        """Remember who answered; raises StoreError."""
        if not self._seconds:
            return
        now = Answered(workflow, self._clock())
        self._remember(session, now)
        kept = self._kept.get(session)
        if kept and kept.workflow == workflow and now.ts - kept.ts < self._seconds * _RENEWED:
            return
        self._kept[session] = now
        value = {"workflow": workflow, "ts": now.ts}
        await self._keep.put(f"previous:{session}", value, ttl=self._seconds)

    def _remember(self, session: str, found: Answered | None) -> None:
        self._known[session] = found
        self._known.move_to_end(session)
        while len(self._known) > _SESSIONS:
            gone, _ = self._known.popitem(last=False)
            self._kept.pop(gone, None)
