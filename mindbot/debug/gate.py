"""The gate: holds turns at breakpoints for the length of a lease, and lets them go on as operators say.

It meets turns that begin while breakpoints are set. What restarts a stage, drops a turn or answers in its
place leaves all that the turn stands in by an exception that is none of `Exception`, as a stop does, up to
the stage that is meant, and goes on from there. A turn that is held has lent its slot to others; its lease
ends before anybody's patience does.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import anyio
import structlog

from mindbot.config.debugging import DebugSettings
from mindbot.deadlines import now
from mindbot.debug.breakpoints import Breakpoint, Breakpoints
from mindbot.debug.parked import HeldTurn, Parked, Unwound
from mindbot.debug.scopes import rendered, value_at
from mindbot.domain.errors import MindBotError, StoreError
from mindbot.domain.plain import dumps
from mindbot.domain.span import Span
from mindbot.domain.turn import Inwards, StageCall, Turn
from mindbot.telemetry.redaction import redactor

log = structlog.get_logger("mindbot.debug")

MARGIN = 2.0  # seconds before a deadline that a turn goes on by itself


class Around(Protocol):
    """What the gate asks of the runtime."""

    def settings(self) -> DebugSettings:
        """Return those in force."""

    def lend(self, turn: Turn) -> AbstractAsyncContextManager[None]:
        """Lend a turn's slot to others."""

    def answer_until(self, turn: Turn) -> float:
        """Return when (Unix seconds) its platform takes no reply any more; infinity for never."""

    async def excuse(self, turn: Turn) -> None:
        """Let a crash not be held against a turn from now on."""

    async def accuse(self, turn: Turn) -> None:
        """Let it be again; raises StoreError."""

    def tell(self, kind: str, turn: Turn, more: Mapping[str, Any]) -> None:
        """Publish what became of a turn."""

    def tell_log(self, turn: Turn, data: Mapping[str, Any]) -> None:
        """Publish the words of a log point."""


class TurnGate:
    """See the module. ``watching`` is false while no turn could be held; ``changed`` is told of changes."""

    def __init__(self, breakpoints: Breakpoints, around: Around) -> None:
        self.watching = False
        self.changed: Callable[[], None] = lambda: None
        self.parked: dict[int, Parked] = {}
        self._breakpoints = breakpoints
        self._around = around
        self._held: dict[int, HeldTurn] = {}
        self._open = True
        self._none = anyio.Event()
        breakpoints.changed = self._look

    def _look(self) -> None:
        watching = bool(self._held) or (self._open and self._breakpoints.any)
        if watching != self.watching:
            self.watching = watching
            self.changed()

    # --- what a turn's steps call

    def around(self, turn: Turn, span: Span, stage: StageCall, inner: Inwards) -> Awaitable[None]:
        """See `Tracer.around`; a turn that is parked has one coroutine less for each of its stages."""
        held = self._held.get(turn.number)
        if held is not None:
            return self._in_frame(held, span, stage, inner)
        if span.parent or not (self._open and self._breakpoints.any) or _aside(turn):
            return stage(turn, inner)
        return self._outermost(turn, span, stage, inner)

    async def _outermost(self, turn: Turn, span: Span, stage: StageCall, inner: Inwards) -> None:
        self._held[turn.number] = held = HeldTurn(turn)
        self._look()
        try:
            await self._in_frame(held, span, stage, inner)
        finally:
            del self._held[turn.number]
            self._look()

    async def gate(self, turn: Turn, span: Span) -> None:
        """See `Tracer.gate`."""
        if (held := self._held.get(turn.number)) is not None:
            await self._stop(held, span, "before")

    async def left(self, turn: Turn, span: Span, error: Exception | None) -> None:
        """See `Tracer.left`."""
        if (held := self._held.get(turn.number)) is not None:
            await self._stop(held, span, "after" if error is None else "error", error)

    async def _in_frame(self, held: HeldTurn, span: Span, stage: StageCall, inner: Inwards) -> None:
        inside = bool(held.frames)
        while not (inside and held.ending is not None):
            frame = held.enter(span)
            try:
                await self._stop(held, span, "before")
                try:
                    await stage(held.turn, inner)
                except Exception as error:
                    await self._stop(held, span, "error", error)
                    raise
                await self._stop(held, span, "after")
                return
            except BaseException as error:
                if not held.arrives(frame, error):
                    raise
            finally:
                held.frames.pop()
        if len(held.frames) == 1 and held.ending is not None:  # the outermost stage alone writes its end
            held.ending(held.turn)

    # --- whether it stops

    async def _stop(self, held: HeldTurn, span: Span, on: str, error: Exception | None = None) -> None:
        """Hold a turn at a place where something says so. Of steps side by side one is held at a time."""
        if held.turn.finished or held.leaving:
            return
        while held.parked is not None:
            await held.parked.go.wait()
        if held.leaving:
            return
        found = self._met(held, span, on, error)
        if found is None and not held.stops_at(span, on):
            return
        held.parked = self._park(held, span, on, found, error)
        if held.parked is not None:
            await self._hold(held.parked)
        if held.target is not None:
            raise Unwound

    def _met(self, held: HeldTurn, span: Span, on: str, error: Exception | None) -> Breakpoint | None:
        """Return the breakpoint that stops a turn here; all that match are counted, log points told."""
        stops: Breakpoint | None = None
        stage = held.stage_of(span)
        for each in self._breakpoints:
            if not (each.enabled and each.stands_at(span, on, stage) and _holds(held, each, error)):
                continue
            if not each.wants(held.turn):
                continue
            each.matched += 1
            if each.matched < each.hits:
                continue
            if each.log:
                words = redactor.registered(rendered(each.log, held.turn))
                told = {"breakpoint": each.id, "text": words, "kind": span.kind, "name": span.name, "on": on}
                self._around.tell_log(held.turn, told)
            elif stops is None and self._open:
                stops = each
        return stops

    def _park(
        self, held: HeldTurn, span: Span, on: str, found: Breakpoint | None, error: Exception | None
    ) -> Parked | None:
        settings, turn = self._around.settings(), held.turn
        until = self._lease(turn, (found and found.lease) or settings.lease)
        if not self._open or not settings.enabled:
            return None
        if until <= time.time() or len(self.parked) >= settings.most_parked:
            why = "its reply is due" if until <= time.time() else f"{settings.most_parked} turns are parked"
            log.warning("a turn was not stopped", turn=turn.id, why=why)
            return None
        if found is not None:
            found.stopped += 1
        parked = Parked(
            held,
            span,
            on,
            "breakpoint" if found is not None else held.mode,
            found.id if found is not None else "",
            found.owner if found is not None else held.by,
            until,
            error=f"{_kind(error)}: {turn.tracer.words(error)}" if error is not None else "",
        )
        held.mode = ""
        held.revision += 1
        return parked

    def _lease(self, turn: Turn, seconds: float) -> float:
        """Return until when (Unix seconds) a turn may be held: nobody who waits for it may give it up."""
        this, deadline = time.time(), min(anyio.current_effective_deadline(), turn.until)
        late = this + deadline - now() if deadline != math.inf else math.inf
        return min(this + seconds, min(late, self._around.answer_until(turn)) - MARGIN)

    # --- holding it

    async def _hold(self, parked: Parked) -> None:
        turn, before = parked.held.turn, parked.held.turn.state
        self.parked[turn.number] = parked
        turn.state = "parked"
        place = f"{parked.on} {parked.span.name}"
        try:
            self._around.tell("turn.parked", turn, {"lease_until": parked.until, "at": place})
            await self._around.excuse(turn)  # a crash while it is held is none of its doing
            async with self._around.lend(turn):
                with anyio.move_on_after(parked.until - time.time()):
                    await parked.go.wait()
                if not parked.go.is_set():
                    parked.leave("lease", "")
        finally:
            if not parked.go.is_set():
                parked.leave("cancelled", "")
            turn.state = before
            del self.parked[turn.number]
            if not self.parked:
                self._none.set()
            self._around.tell("turn.resumed", turn, {"action": parked.action, "by": parked.by})
        try:
            await self._around.accuse(turn)
        except StoreError as error:
            log.warning("a crash would not be held against a turn", turn=turn.id, error=str(error))

    # --- all of them

    def free(self, which: Callable[[Parked], bool], by: str) -> list[Turn]:
        """Let the turns go on that ``which`` chooses; returns them."""
        freed = [parked for parked in self.parked.values() if which(parked) and not parked.go.is_set()]
        for parked in freed:
            parked.held.steps_to("", parked.span, parked.on, by)
            parked.leave("resume", by)
        return [parked.held.turn for parked in freed]

    def leave(self, console: str) -> None:
        """Have no turn stop for a console that has gone, at the end of a step that it asked for."""
        for held in self._held.values():
            if held.by == console:
                held.mode = held.by = ""

    async def close(self) -> None:
        """Hold no turn any more, and return when none is held."""
        self._open = False
        self._look()
        self.free(lambda parked: True, "")
        while self.parked:
            self._none = anyio.Event()
            await self._none.wait()


def _aside(turn: Turn) -> bool:
    """Tell whether a turn only asks for another that is parked, say: it would wait for its operator."""
    return turn.message.replay is not None and bool(turn.message.replay.get("aside"))


def _holds(held: HeldTurn, each: Breakpoint, error: Exception | None) -> bool:
    """Tell whether a breakpoint's own condition holds: a change, an error that it has not stopped at yet."""
    if each.on == "change":
        value = dumps({"": value_at(held.turn, each.path)}).decode(errors="replace")
        before = held.seen.get(each.id)
        held.seen[each.id] = value
        return before is not None and before != value
    if each.on == "error":
        if (
            error is None
            or held.met.get(each.id) is error
            or (each.errors and _kind(error) not in each.errors)
        ):
            return False
        held.met[each.id] = error
    return True


def _kind(error: BaseException) -> str:
    return error.kind if isinstance(error, MindBotError) else "internal"
