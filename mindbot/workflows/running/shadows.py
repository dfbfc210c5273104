"""Shadow runs: what another workflow would have answered. Bounded, aside, and never said to anybody."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import cast

import anyio
import structlog

from mindbot.domain.chat import Attachment
from mindbot.domain.errors import BudgetSpent, MindBotError, Overloaded
from mindbot.domain.host import Keep
from mindbot.domain.message import Message
from mindbot.domain.shapes.turns import Plain
from mindbot.domain.shapes.workflows import ShadowJson
from mindbot.domain.turn import Clock
from mindbot.telemetry.redaction import told
from mindbot.workflows.manager import Workflows
from mindbot.workflows.running.aside import run_aside, spare_app
from mindbot.workflows.stats import WorkflowStats

log = structlog.get_logger("mindbot.workflows")

_KEY = "shadow:"
_QUEUE = 200  # runs that wait; what comes beyond is dropped and counted
_AT_ONCE = 4
_PAIRS = 500  # pairs of answers on disk; the oldest make room
_KEPT = 30 * 86_400.0  # seconds one is on disk at most
_LONGEST = 8_000  # characters of an answer that are kept

#: Keeps a fact with a turn that has ended.
Note = Callable[[str, Plain], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ShadowJob:
    """One run to be made: ``workflow`` is asked what ``answered_by`` has answered with ``answer``."""

    workflows: Workflows
    workflow: str
    message: Message
    user: str
    files: tuple[Attachment, ...]
    turn: str
    answered_by: str
    answer: str
    took_ms: float


class Shadows:
    """See the module. ``dropped`` counts the runs that were not made since the start; ``note`` keeps the
    other's answer with the turn."""

    def __init__(self, keep: Keep, stats: WorkflowStats, note: Note, clock: Clock) -> None:
        self._keep = keep
        self._stats = stats
        self._clock = clock
        self._send, self._receive = anyio.create_memory_object_stream[ShadowJob](_QUEUE)
        self._note = note
        self.dropped = 0
        self._last: int | None = None  # place of the newest pair
        self._looking = anyio.Lock()

    def submit(self, job: ShadowJob) -> None:
        """Have a run made in its time; never waits."""
        try:
            self._send.send_nowait(job)
        except anyio.WouldBlock:
            self._drop("too many wait")

    def _drop(self, why: str) -> None:
        self.dropped += 1
        if math.log10(self.dropped).is_integer():
            log.warning("shadow runs are not made", why=why, dropped=self.dropped)

    async def run(self) -> None:
        """Make the runs, until cancelled."""
        async with anyio.create_task_group() as tasks:
            for _ in range(_AT_ONCE):
                tasks.start_soon(self._work)

    async def _work(self) -> None:
        async for job in self._receive.clone():
            try:
                await self._make(job)
            except (Overloaded, BudgetSpent) as error:  # users come first, and no run is made for it later
                self._drop(told(error))
            except MindBotError as error:
                log.warning("a shadow run is not known", workflow=job.workflow, error=told(error))
            except Exception:  # an app's mistake costs its run, not the others'
                log.exception("a shadow run broke", workflow=job.workflow, turn=job.turn)

    async def _make(self, job: ShadowJob) -> None:
        async with spare_app(job.workflows, job.workflow) as member:
            made = await run_aside(
                job.workflows,
                job.workflow,
                job.message,
                user=job.user,
                files=job.files,
                key="shadow",
                member=member,
            )
        self._stats.add(job.workflow, shadow=1)
        made["answer"] = made["answer"][:_LONGEST]
        pair: ShadowJson = {
            "ts": self._clock(),
            "turn": job.turn,
            "text": job.message.text[:_LONGEST],
            "answered_by": job.answered_by,
            "answer": job.answer[:_LONGEST],
            "took_ms": round(job.took_ms, 3),
            "shadow": made,
        }
        await self._keep.put(f"{_KEY}{await self._place()}", pair, ttl=_KEPT)
        told_of = ("workflow", "status", "error", "took_ms", "tokens")
        fact = {key: value for key, value in made.items() if key in told_of}
        await self._note(job.turn, {"shadow": {**fact, "answer": made["answer"]}})

    async def _place(self) -> int:
        """Return where the next pair is kept: behind the newest one, in the place of the oldest."""
        async with self._looking:
            if self._last is None:
                kept = await self._keep.items(_KEY, limit=_PAIRS)
                newest = max(kept, key=lambda key: float(kept[key]["ts"]), default="")
                self._last = int(newest.removeprefix(_KEY) or -1)
            self._last = (self._last + 1) % _PAIRS
            return self._last

    async def pairs(self, workflow: str = "", limit: int = 20) -> list[ShadowJson]:
        """Return the pairs of answers that are known, the newest first; raises StoreError.

        ``workflow``: only what that one would have said.
        """
        kept = await self._keep.items(_KEY, limit=_PAIRS)
        found = [cast("ShadowJson", pair) for pair in kept.values()]
        wanted = [pair for pair in found if workflow in ("", pair["shadow"]["workflow"])]
        return sorted(wanted, key=lambda pair: -pair["ts"])[:limit]
