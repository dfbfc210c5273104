"""Runs of a turn that wait for people, and the answer to one of their forms."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from mindbot.domain.chat import Chunks
from mindbot.domain.errors import WorkflowPaused
from mindbot.domain.message import Json
from mindbot.domain.turn import Turn
from mindbot.pipeline.services import Services
from mindbot.providers.shared.circuit import Admission
from mindbot.workflows.apps import App, AppCall
from mindbot.workflows.forms import Forms
from mindbot.workflows.manager import Workflows
from mindbot.workflows.members import Member
from mindbot.workflows.running.attempt import AppAttempt, Question


@dataclass(frozen=True, slots=True)
class Pause:
    """A run of ``member`` that waits. ``then`` work on its answer, once it has one."""

    member: Member
    paused: WorkflowPaused
    then: tuple[str, ...] = ()


class Pauses:
    """The runs of one turn that wait. ``stale``: what was shown before they did is no answer."""

    def __init__(self, forms: Forms) -> None:
        self._forms = forms
        self._found: list[Pause] = []
        self.stale = False

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, pause: Pause, *, stale: bool = False) -> None:
        """Note a run that waits; its forms are offered when all that can be said is said."""
        self._found.append(pause)
        self.stale = self.stale or stale

    async def offered(self, turn: Turn) -> str:
        """Keep all their forms; return what the user reads. Raises StoreError."""
        words = [
            await self._forms.offer(turn, each.member.workflow, each.member.replica, each.paused, each.then)
            for each in self._found
        ]
        return "\n\n".join(words)


class FormAnswer:
    """Tells an app what a person said to its form: an attempt like any other, with a slot and its count, but
    one that no breaker and no check keeps from the user: nobody else can go on with that run.

    ``answered``: the run came to its end, and what was said is its answer.
    """

    def __init__(
        self, workflows: Workflows, services: Services, turn: Turn, question: Question, member: Member
    ) -> None:
        self._workflows = workflows
        self._services = services
        self._turn = turn
        self._question = question
        self._member = member
        self.answered = False

    async def resume(
        self, turn: Turn, call: AppCall, form: Json, action: str, inputs: Mapping[str, Any]
    ) -> Chunks:
        """Yield the answer; raises as `App.resume`, and Overloaded where no slot was free in time."""

        def resumed(app: App, call: AppCall) -> Chunks:
            if call.span is not None:
                call.span.data["form"] = turn.route.get("form", "")
            return app.resume(turn, call, form, action, inputs)

        circuit = self._workflows.standing.circuit(self._member)
        attempt = AppAttempt(
            self._workflows,
            self._services,
            self._turn,
            self._question,
            self._member,
            circuit.admit() or Admission.CALL,
            key=call.key,
            alone=True,
            resumed=resumed,
        )
        async with aclosing(attempt.run()) as chunks:
            async for chunk in chunks:
                yield chunk
        self.answered = True
