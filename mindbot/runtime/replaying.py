"""How a replay runs: the steps that take their recorded results, and the mark of each in the trace."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy

from mindbot.domain.errors import NotReplayed
from mindbot.domain.ports.store import Recorded
from mindbot.domain.replaying import Replaying
from mindbot.domain.shapes.replays import StepOutcome
from mindbot.domain.span import Span
from mindbot.domain.turn import STAGE, Inwards, StageCall, Tracer, Turn
from mindbot.http.sealed import sealed
from mindbot.pipeline.services import Once

#: In the data of a span of a replay: what became of the step.
MARK = "replay"
#: In that of a stage: what became of the steps in it that are remembered, by their keys.
STEPS = "steps"
#: What a route is told to be where a replay goes another way than by today's configuration.
_ROUTE = "route."
_VARIABLES = ("variables.", "vars.")
#: Stages that do nothing in a dry run: no token is taken, nothing is sent.
_IDLE = ("limits", "deliver")
#: Stages whose work is taken over where a turn goes as it went then.
_AS_THEN = ("session", "route", "classify")


def begin(turn: Turn) -> AbstractContextManager[None]:
    """Make a turn the replay that its message asks for; nothing leaves the block where all is recorded."""
    plan = turn.message.replay
    if plan is None:
        return nullcontext()

    def edit() -> None:
        for path, value in plan["edits"].items():
            put(turn, path, value)

    turn.route = deepcopy(plan["route"])
    past = Replaying(plan, dry=bool(turn.message.tried_for), on_reached=edit)
    turn.replaying = past
    for key, result in past.seed().items():
        turn.memo.setdefault(key, result)
    before = turn.tracer
    turn.tracer = ReplayTracer(before.inner if isinstance(before, ReplayTracer) else before, past)
    if not past.recorded:
        return nullcontext()
    return sealed("this replay takes only what was recorded")


def put(turn: Turn, path: str, value: object) -> None:
    """Put an edit into a turn; raises NotReplayed where nothing stands at that path."""
    if path.startswith(_VARIABLES):
        turn.vars[path.partition(".")[2]] = deepcopy(value)
    elif path.startswith(_ROUTE) and path.removeprefix(_ROUTE) in ("runner", "workflow", "provider", "model"):
        turn.route[path.removeprefix(_ROUTE)] = str(value)  # type: ignore[literal-required]
    else:
        raise NotReplayed(f"nothing can be put at {path!r}")


class ReplayTracer:
    """A tracer that learns how far a replay has come, and tells another what happens."""

    active = True

    def __init__(self, tracer: Tracer, past: Replaying) -> None:
        self.inner = tracer
        self._past = past

    def around(self, turn: Turn, span: Span, stage: StageCall, inner: Inwards) -> Awaitable[None]:
        """See the port."""
        self._past.enters(span.name)
        if self.inner.active:
            return self.inner.around(turn, span, stage, inner)
        return stage(turn, inner)

    async def gate(self, turn: Turn, span: Span) -> None:
        """See the port."""
        if self.inner.active:
            await self.inner.gate(turn, span)

    async def left(self, turn: Turn, span: Span, error: Exception | None) -> None:
        """See the port."""
        if self.inner.active:
            await self.inner.left(turn, span, error)

    def opened(self, turn: Turn, span: Span) -> None:
        """See the port."""
        if span.kind == STAGE:
            span.data[MARK] = self._outcome(span.name)
        if self.inner.active:
            self.inner.opened(turn, span)

    def _outcome(self, stage: str) -> StepOutcome:
        if self._past.dry and stage in _IDLE:
            return "skipped"
        taken = self._past.recorded or self._past.mode == "then"
        return "recorded" if taken and stage in _AS_THEN else "re-run"

    def closed(self, turn: Turn, span: Span) -> None:
        """See the port."""
        if self.inner.active:
            self.inner.closed(turn, span)

    def words(self, error: BaseException) -> str:
        """See the port."""
        return self.inner.words(error)


class ReplayedSteps:
    """`Once` for turns of which some make others again: such a step takes what is recorded of the other."""

    def __init__(self, once: Once) -> None:
        self._once = once

    async def __call__(self, turn: Turn, key: str, step: Callable[[], Awaitable[Recorded]]) -> Recorded:
        past = turn.replaying
        if past is None:
            return await self._once(turn, key, step)
        if key in turn.memo:  # all is recorded, or a process died under this replay
            _mark(turn, past, key, "recorded" if past.recorded else "re-run")
        elif past.takes(key):
            _mark(turn, past, key, "recorded")
            turn.memo[key] = deepcopy(past.memo[key])
        elif why := past.refuses(key):
            _mark(turn, past, key, "skipped")
            raise NotReplayed(why, hint="replay it from that step on, or with --send where it may be done")
        else:
            _mark(turn, past, key, "re-run")
        return await self._once(turn, key, step)


def _mark(turn: Turn, past: Replaying, key: str, outcome: StepOutcome) -> None:
    """Write what became of a step into its span, and into the stage around it: of a stage of which something
    ran again, that is what became of it."""
    for span in _around(turn):
        if span.kind != STAGE:
            span.data[MARK] = outcome
            continue
        if outcome == "re-run":
            past.ran.add(span.id)
        span.data[MARK] = "re-run" if span.id in past.ran else outcome
        span.data.setdefault(STEPS, {})[key] = outcome
        return


def _around(turn: Turn) -> Iterator[Span]:
    number = turn.innermost
    while number:
        yield (span := turn.spans[number - 1])
        number = span.parent
