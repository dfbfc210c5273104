"""What is known of workflows and outlives a configuration generation.

On disk are the circuits that are not closed, with the moment at which they may be tried again, the workflows
that somebody switched off, and the sums of each day. Late runs and slots are in memory.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from hashlib import blake2b
from typing import Any

import anyio
import structlog
from anyio.abc import TaskGroup

from mindbot.domain.errors import StoreError
from mindbot.domain.host import Keep
from mindbot.domain.message import Json
from mindbot.domain.turn import Clock, Turn
from mindbot.providers.shared.circuit import Circuit
from mindbot.providers.shared.limits import CallLimits
from mindbot.workflows.forms import Forms
from mindbot.workflows.late import LateRuns
from mindbot.workflows.members import Member
from mindbot.workflows.router.learned import LearnedStore
from mindbot.workflows.stats import WorkflowStats

log = structlog.get_logger("mindbot.workflows")

_CIRCUIT, _OFF = "circuit:", "off:"
_BEHIND = 86_400.0  # seconds an open circuit is remembered after its moment: until it is proved
_MOST = 10_000


class WorkflowStanding:
    """Shared by the generations of one process. ``keep`` is where conversations, forms, corrections and sums
    are on disk. ``clock`` is Unix seconds."""

    def __init__(self, keep: Keep, clock: Clock = time.time) -> None:
        self.keep = keep
        self.forms = Forms(keep, clock)
        self.learned = LearnedStore(keep, clock)
        self.clock = clock
        self.stats = WorkflowStats(keep, clock)
        #: The ids of the vendors' runs whose turns are known: see `AppParts.theirs`.
        self.runs: dict[str, None] = {}
        #: Messages by who decided where they go: rule, form, classifier, sticky, judge, none, configuration.
        self.decisions: Counter[str] = Counter()
        #: Turns that wait for a slot of a workflow, since when (``time.monotonic``), by who waits for them.
        self.waiting: dict[object, tuple[Turn, float]] = {}
        self._circuits: dict[str, Circuit] = {}
        self._whose: dict[str, str] = {}
        self._late: dict[str, LateRuns] = {}
        self._slots: dict[str, CallLimits] = {}
        self._off: set[str] = set()
        self._read: dict[str, Json] = {}
        self._changed: set[str] = set()
        self._moved = anyio.Event()
        #: What does things beside the turns, while somebody does.
        self.tasks: TaskGroup | None = None

    def aside(self, job: Callable[[], Coroutine[Any, Any, None]]) -> bool:
        """Have something done beside the turns, which raises nothing; see `AppParts.aside`."""
        if self.tasks is not None:
            self.tasks.start_soon(job)
        return self.tasks is not None

    async def load(self) -> None:
        """Read what an earlier process knew; raises StoreError."""
        await self.forms.load()
        await self.learned.load()
        self._off = {name.removeprefix(_OFF) for name in await self.keep.items(_OFF, limit=_MOST)}
        await self.stats.load()
        found = await self.keep.items(_CIRCUIT, limit=_MOST)
        self._read = {name.removeprefix(_CIRCUIT): value for name, value in found.items()}

    # --- circuits

    def circuit(self, member: Member) -> Circuit:
        """Return the circuit of an app: the one on disk where that is still of the same address."""
        name, whose = str(member), _signed(member.endpoint)
        circuit = self._circuits.get(name)
        if circuit is None or self._whose[name] != whose:
            circuit = self._circuits[name] = Circuit(self.clock)
            self._whose[name] = whose
            known = self._read.pop(name, {})
            if known.get("whose") == whose:
                with suppress(LookupError, TypeError, ValueError):  # of a newer program
                    circuit.restore(known)
        return circuit

    def changed(self, member: Member) -> None:
        """Note that a circuit opened or closed, and wake who waits for one; `save` writes it."""
        self._changed.add(str(member))
        self._moved.set()
        self._moved = anyio.Event()

    async def moved(self, seconds: float) -> None:
        """Wait until a circuit changes, for so many seconds at most."""
        with anyio.move_on_after(seconds):
            await self._moved.wait()

    async def save(self) -> None:
        """Write the circuits that changed. A store that fails costs no answer."""
        if self._changed:
            with anyio.CancelScope(shield=True):  # also for one who is stopped
                for name in list(self._changed):
                    await self._write(name)

    async def _write(self, name: str) -> None:
        circuit = self._circuits[name]
        data = circuit.to_json()
        life = max(0.0, circuit.until - self.clock()) + _BEHIND
        self._changed.discard(name)
        try:
            told = None if data is None else {**data, "whose": self._whose[name]}
            await self.keep.put(f"{_CIRCUIT}{name}", told, ttl=life)
        except StoreError as error:
            self._changed.add(name)
            log.warning("how the workflows stand is not on disk", error=str(error))

    def forgive(self, members: Iterable[Member]) -> None:
        """Close the circuits of apps: somebody has just looked after them."""
        for member in members:
            circuit = self.circuit(member)
            if circuit.reason is not None:
                circuit.close()
                self.changed(member)

    # --- switched off at run time

    def is_off(self, workflow: str) -> bool:
        """Tell whether somebody switched a workflow off."""
        return workflow in self._off

    async def switch(self, workflow: str, *, on: bool) -> None:
        """Switch a workflow off, or on again, also for later processes; raises StoreError."""
        await self.keep.put(f"{_OFF}{workflow}", None if on else {"since": self.clock()})
        (self._off.discard if on else self._off.add)(workflow)

    # --- by workflow and app

    def late(self, name: str) -> LateRuns:
        """Return how late runs of a workflow went."""
        if (found := self._late.get(name)) is None:
            found = self._late[name] = LateRuns(self.clock)
        return found

    def late_of(self, member: Member) -> LateRuns:
        """Return how late runs of one of a workflow's apps went."""
        return self.late(f"{member.workflow}/{member.replica}")

    def slots(self, workflow: str, concurrency: int) -> CallLimits:
        """Return the slots of a workflow: the same ones for all generations, with the number in force."""
        if (found := self._slots.get(workflow)) is None:
            found = self._slots[workflow] = CallLimits(workflow, concurrency=concurrency)
        return found

    def use(self, concurrency: dict[str, int]) -> None:
        """Go on with a configuration: how many runs at once each workflow may have from now on."""
        for workflow, number in concurrency.items():
            if (slots := self._slots.get(workflow)) is not None:
                slots.adjust(concurrency=number, rate=0, tokens=0)

    def now(self) -> list[tuple[tuple[str, str], float]]:
        """Return how many runs each workflow has under way and waiting, by (workflow, state)."""
        return [
            ((name, state), float(count))
            for name in self._slots
            for state, count in (
                ("running", self.late(name).in_flight),
                ("waiting", self.late(name).waiting),
            )
        ]

    def overdue(self, seconds: float) -> list[Turn]:
        """Return the turns that have waited for a slot of a workflow for that long."""
        before = time.monotonic() - seconds
        found = {turn.number: turn for turn, since in self.waiting.values() if since <= before}
        return list(found.values())


def _signed(endpoint: str) -> str:
    return blake2b(endpoint.encode(), digest_size=12).hexdigest()
