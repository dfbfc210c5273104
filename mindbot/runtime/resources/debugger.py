"""The debugger for operators: breakpoints, parked turns, what is in them and what is done with them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import structlog

from mindbot.debug import scopes
from mindbot.debug.breakpoints import CLI, Breakpoint
from mindbot.debug.parked import Parked
from mindbot.domain import ids
from mindbot.domain.errors import Conflict, Invalid, Outdated
from mindbot.domain.events import Event
from mindbot.domain.operators import Operator
from mindbot.domain.shapes.debug import (
    Action,
    BreakpointJson,
    ClearedBreakpointsJson,
    FreedJson,
    ParkedJson,
    ScopesJson,
)
from mindbot.domain.turn import Turn
from mindbot.runtime.debugging import Debugging
from mindbot.runtime.resources.naming import turn_named
from mindbot.runtime.resources.questions import Questions
from mindbot.runtime.take_over import TakeOvers
from mindbot.telemetry.redaction import redactor

audit = structlog.get_logger("mindbot.audit")
_PARKED = "`mindbot debug list` shows the parked turns"


class DebuggerResource:
    """Answers ``/v1/breakpoints``, ``/v1/parked``, and what is done with parked turns."""

    def __init__(self, debugging: Debugging, questions: Questions, take_overs: TakeOvers) -> None:
        self._debugging = debugging
        self._breakpoints = debugging.breakpoints
        self._gate = debugging.gate
        self._questions = questions
        self._take_overs = take_overs

    # --- breakpoints

    def list_breakpoints(self) -> list[BreakpointJson]:
        """Return all that are set, the oldest first."""
        return [each.to_json() for each in self._breakpoints]

    async def set_breakpoint(self, said: Mapping[str, Any], *, by: Operator) -> BreakpointJson:
        """Set one; raises Invalid, BadFilter, Conflict, StoreError."""
        if not self._debugging.current().loaded.config.debug.enabled:
            raise Conflict(
                "the debugger is switched off", hint="set debug.enabled to true in the configuration"
            )
        made = self._breakpoints.add(said, by.console or CLI, self._debugging.current().stages)
        if by.console:
            self._debugging.consoles.expect(by.console)
        await self._kept(made)
        self._told(made.id, "set", by)
        return made.to_json()

    async def change_breakpoint(self, id: str, said: Mapping[str, Any], *, by: Operator) -> BreakpointJson:
        """Change one; raises NotFound, Invalid, BadFilter, StoreError."""
        before = self._breakpoints.get(id)
        made = self._breakpoints.change(id, said, by.console or CLI, self._debugging.current().stages)
        if made.sticky or before.sticky:
            await self._debugging.keep(made)
        self._told(id, "changed", by)
        return made.to_json()

    async def clear_breakpoints(
        self, id: str | None, *, everyone: bool, by: Operator
    ) -> ClearedBreakpointsJson:
        """Clear one, the asker's own, or everyone's; raises NotFound, StoreError."""
        if id is not None:
            gone = [self._breakpoints.get(id)]
        else:
            gone = [each for each in self._breakpoints if everyone or each.owner == (by.console or CLI)]
        await self._debugging.forget([each.id for each in gone if each.sticky])
        self._breakpoints.remove([each.id for each in gone])
        for each in gone:
            self._told(each.id, "cleared", by)
        return {"ids": [each.id for each in gone]}

    async def _kept(self, made: Breakpoint) -> None:
        if made.sticky:
            await self._debugging.keep(made)

    def _told(self, id: str, action: str, by: Operator) -> None:
        audit.info("breakpoint", who=by.user, console=by.console, action=action, breakpoint=id)
        data = {"breakpoint": id, "action": action, "by": by.named}
        self._debugging.bus.publish(Event("debug.breakpoint", data=data))

    # --- parked turns

    def list_parked(self) -> list[ParkedJson]:
        """Return the turns that are held, the longest held first."""
        return [parked.to_json() for parked in self._gate.parked.values() if not parked.go.is_set()]

    def resume_all(self, *, by: Operator) -> FreedJson:
        """Let all of them go on."""
        freed = [turn.id for turn in self._gate.free(lambda parked: True, by.named)]
        audit.info("parked", who=by.user, console=by.console, action="resume all", turns=freed)
        return {"turns": freed}

    async def act(
        self,
        turn: str,
        action: Action,
        *,
        stage: str = "",
        text: str = "",
        revision: int | None = None,
        by: Operator,
    ) -> ParkedJson:
        """Do something with a parked turn; returns how it was parked.

        Raises:
            NotFound: no such turn.
            Conflict: it is not parked; an answer, while somebody has taken the session over.
            Outdated: another has changed it since that revision.
            Invalid: it stands in no such stage; nothing to answer.
        """
        parked = await self._parked(turn, revision)
        before = parked.to_json()
        owner = by.console or CLI
        held = parked.held
        match action:
            case "restart-stage":
                held.restart(stage, parked.span, parked.on, owner)
            case "drop":
                held.end_with(partial(scopes.drop, by=by.user))
            case "answer":
                if not text.strip():
                    raise Invalid("an answer has words")
                if (taken := self._take_overs.withholds(held.turn)) is not None:
                    raise Conflict(
                        f"{taken.by} has taken the session over, and nothing else is said in it",
                        hint="speak there: mindbot session say",
                    )
                held.end_with(partial(scopes.answer_with, text=text, by=by.user))
            case "resume":
                held.steps_to("", parked.span, parked.on, owner)
            case _:
                held.steps_to(action, parked.span, parked.on, owner)
        parked.leave(action, by.named)
        audit.info("parked", who=by.user, console=by.console, action=action, turn=held.turn.id)
        return before

    async def _parked(self, turn: str, revision: int | None) -> Parked:
        found = await self._number(turn)
        parked = self._gate.parked.get(found)
        if parked is None or parked.go.is_set():
            raise Conflict(f"turn {ids.show(found)} is not parked", hint=_PARKED)
        _same(parked, revision)
        return parked

    async def _number(self, turn: str) -> int:
        return ids.parse(await turn_named(await self._questions.queries(), turn))

    # --- what is in them

    async def scopes(self, turn: str) -> ScopesJson:
        """Return what a turn under way is; raises NotFound, Conflict where it has ended."""
        number = await self._number(turn)
        if (parked := self._gate.parked.get(number)) is not None:
            return _shown(parked.held.turn, parked)
        queries = await self._questions.queries()
        id = ids.show(number)
        live = self._questions.live((await queries.get_turn(id))["session"], number)
        if live is None:
            raise Conflict(f"turn {id} is not under way", hint=f"see: mindbot trace {id}")
        return _shown(live, None)

    async def edit(
        self, turn: str, path: str, value: Any, *, revision: int | None, by: Operator
    ) -> ScopesJson:
        """Put a value at a path of a parked turn; raises NotFound, Conflict, Outdated, WrongValue."""
        parked = await self._parked(turn, revision)
        current = self._debugging.current()
        config = current.loaded.config
        known = scopes.Known(current.runners, config.workflows, config.providers)
        scopes.set_at(parked.held.turn, path, value, known)
        parked.held.revision += 1
        id = parked.held.turn.id
        audit.info("parked", who=by.user, console=by.console, action="edit", turn=id, path=path)
        edited = {"path": path, "revision": parked.held.revision, "by": by.named}
        self._debugging.bus.publish(Event("debug.edited", id, edited))
        return _shown(parked.held.turn, parked)

    # --- consoles

    def attached(self, console: str) -> AbstractContextManager[None]:
        """Around a console's stream: what is its own goes a while after the last one has ended."""
        return self._debugging.consoles.attached(console)


def _same(parked: Parked, revision: int | None) -> None:
    now = parked.held.revision
    if revision is not None and revision != now:
        raise Outdated(
            f"turn {parked.held.turn.id} was changed since: its revision is {now}, not {revision}",
            hint="read it again, then say what is to be done",
            revision=now,
        )


def _shown(turn: Turn, parked: Parked | None) -> ScopesJson:
    return {
        "turn": turn.id,
        "parked": parked is not None,
        "revision": parked.held.revision if parked is not None else 0,
        "writable": scopes.writable(turn) if parked is not None else [],
        "scopes": redactor.conversation(scopes.scopes_of(turn)),
    }
