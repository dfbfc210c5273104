"""One app is asked once: a slot, a step in the trace, the checks of its answer, and what comes of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace

import structlog

from mindbot.deadlines import Within, now
from mindbot.domain.chat import Attachment, Chunk, Chunks
from mindbot.domain.errors import (
    BudgetSpent,
    Conflict,
    MindBotError,
    NotFound,
    StoreError,
    TimedOut,
    UnfitAnswer,
    VendorError,
    WorkflowPaused,
)
from mindbot.domain.sent import clipped
from mindbot.domain.span import Span
from mindbot.domain.spending import Payer
from mindbot.domain.turn import Turn
from mindbot.pipeline.services import Services
from mindbot.providers.shared.circuit import Admission
from mindbot.telemetry.redaction import told
from mindbot.workflows.apps import App, AppCall
from mindbot.workflows.late import RunError
from mindbot.workflows.manager import Workflows
from mindbot.workflows.members import Member
from mindbot.workflows.running.checks import AnswerCheck
from mindbot.workflows.running.known import KnownRuns
from mindbot.workflows.running.slots import HeldSlot
from mindbot.workflows.verdict import FOR_A_PERSON, of_the_app

log = structlog.get_logger("mindbot.workflows")

_RECOVERED = ("recovered", "found")  # notes of an app that got an answer by the run's ids
_HELD = 200  # characters of a checked answer that are held back: refusals begin at its head
_KEEPS_FAILING = 5  # failures in a row after which also the only app is left alone for a while
_LATE = 5.0  # seconds beyond its deadline after which an app is no longer waited for


@dataclass(frozen=True, slots=True)
class Question:
    """What apps are asked for a turn. ``deadline`` is a time of ``anyio.current_time()``, for all of them;
    ``known`` are the runs that an earlier process started for it."""

    text: str
    user: str
    conversation: str = ""
    files: tuple[Attachment, ...] = ()
    deadline: float = 0.0
    known: KnownRuns = field(default_factory=KnownRuns)


class AppAttempt:
    """See the module. ``key`` is unique in the turn; ``alone``: nobody else could answer instead.

    ``resumed`` makes an app go on with a run that waited for a person, instead of starting one.
    """

    def __init__(
        self,
        workflows: Workflows,
        services: Services,
        turn: Turn,
        question: Question,
        member: Member,
        admission: Admission,
        *,
        key: str,
        alone: bool,
        parent: Span | None = None,
        resumed: Callable[[App, AppCall], Chunks] | None = None,
    ) -> None:
        self._workflows = workflows
        self._services = services
        self._turn = turn
        self._question = question
        self._member = member
        self._admission: Admission | None = admission
        self._key = key
        self._alone = alone
        self._parent = parent
        self._resumed = resumed
        self._words = turn.message.text
        self._recovered = False
        self._slot = HeldSlot(workflows, services, turn, member, question.deadline)

    async def run(self) -> Chunks:
        """Yield the answer.

        Raises:
            UnfitAnswer: it does not pass the checks.
            MindBotError: as `App.run`; Overloaded where no slot was free in time.
        """
        member, standing = self._member, self._workflows.standing
        try:
            await self._workflows.stay(member, self._question.conversation)
            async with self._turn.span("workflow", member.workflow, parent=self._parent) as span:
                if member.replica:
                    span.data["replica"] = member.replica
                try:
                    async with self._slot.held(), aclosing(self._answer(span)) as chunks:
                        async for chunk in chunks:
                            yield chunk
                except MindBotError as exc:
                    if not isinstance(exc, WorkflowPaused):
                        span.data["error"] = {"kind": exc.kind, "message": told(exc)}
                    raise
        finally:
            if self._admission is not None:  # it was left, or failed for what says nothing about the app
                standing.circuit(member).release(self._admission)
            await standing.save()

    async def _answer(self, span: Span) -> Chunks:
        """Yield what the app says, once it is known that it counts."""
        settings = self._member.settings
        tries = 1 + settings.max_retries
        deadline = min(self._question.deadline, now() + settings.timeout * tries)
        question = self._as_changed()
        call = AppCall(
            question.text,
            self._key,
            question.user,
            question.conversation,
            question.files,
            deadline=deadline,
            span=span,
            rest=self._slot.rest,
        )
        check = AnswerCheck(settings.response, question.text)
        begun = time.monotonic()
        try:
            app = self._workflows.app(self._member)
            said = self._resumed(app, call) if self._resumed else app.run(self._turn, call)
            async with aclosing(self._checked(said, check, span, deadline)) as chunks:
                async for chunk in chunks:
                    yield chunk
        except UnfitAnswer:
            self._went_well(begun)
            raise
        except WorkflowPaused:  # the app is well; its run is counted when it has come to its end
            self._is_well()
            raise
        except (StoreError, BudgetSpent):
            raise  # they say nothing about the app
        except MindBotError as exc:
            if self._resumed and isinstance(exc, Conflict | NotFound):
                raise  # the form is answered already, or its time is over
            self._failed(exc, begun)
            raise
        except Exception as exc:
            log.exception("an app made a mistake", workflow=str(self._member), turn=self._turn.id)
            failure = VendorError(f"{self._member}: internal: {type(exc).__name__}: {exc}")
            self._failed(failure, begun)
            raise failure from exc
        self._went_well(begun)

    def _as_changed(self) -> Question:
        """Return what is asked: an operator may have changed the message while this step was held."""
        if self._words != self._question.text or self._turn.message.text == self._words:
            return self._question
        return replace(self._question, text=self._turn.message.text)

    async def _checked(self, said: Chunks, check: AnswerCheck, span: Span, deadline: float) -> Chunks:
        """Hold the head of a checked answer back until it is known to be none that does not count."""
        pieces: list[str] = []
        held: list[Chunk] | None = [] if check.strict and not self._resumed else None
        length, enough = 0, _HELD
        finish: Chunk | None = None
        async with aclosing(said), aclosing(self._pieces(said, deadline)) as chunks:
            async for chunk in chunks:
                span.data.setdefault("first_ms", round((time.time() - span.start) * 1000, 3))
                if chunk.afresh:
                    pieces.clear()
                    held, length, enough = held and [], 0, _HELD
                pieces.append(chunk.text)
                length += len(chunk.text)
                if chunk.notes:
                    span.data.update(chunk.notes)
                    self._recovered = self._recovered or any(note in chunk.notes for note in _RECOVERED)
                if chunk.usage:
                    span.data["usage"] = chunk.usage.to_json()
                if chunk.finish:
                    finish = chunk
                    continue
                if held is None:
                    yield chunk
                    continue
                held.append(chunk)
                if length < enough:
                    continue
                enough = 2 * length  # looked at again when it has doubled: all looks cost what two do
                if not check.wrong("".join(pieces)):
                    for each in held:
                        yield each
                    held = None
        if finish is not None and finish.usage is not None:
            payer = Payer.of(self._turn.message, self._member.workflow)
            await self._workflows.charge(payer, finish.usage)
        if self._one_of_several:
            span.data["reply"] = clipped("".join(pieces))
        if not self._resumed:
            self._count(check, pieces)
        for each in held or ():
            yield each
        yield finish or Chunk(finish="stop")

    @property
    def _one_of_several(self) -> bool:
        """Whether the turn's answer is made of several, so that it does not say what this one answered."""
        return not self._key.startswith("run") or bool(self._turn.route.get("then"))

    def _count(self, check: AnswerCheck, pieces: list[str]) -> None:
        text = "".join(pieces)
        if wrong := check.wrong(text):
            raise UnfitAnswer(f"{self._member}: {wrong}", text=text)

    async def _pieces(self, said: Chunks, deadline: float) -> Chunks:
        """Yield what an app says. It keeps the deadline itself; one that hangs before it asks anybody is
        ended here. A scope around each piece would cost more than all else that is done with it."""
        try:
            with Within(max(0.0, deadline + _LATE - now())):
                chunk = await anext(said, None)
        except TimeoutError:
            raise TimedOut(f"{self._member}: no answer in time", hint="raise its `timeout`") from None
        while chunk is not None:
            yield chunk
            chunk = await anext(said, None)

    # --- what comes of it

    def _is_well(self) -> None:
        standing, member = self._workflows.standing, self._member
        if self._admission is not None and standing.circuit(member).succeeded(self._admission):
            standing.changed(member)
        self._admission = None
        self._workflows.went_well(member)

    def _went_well(self, begun: float) -> None:
        self._is_well()
        standing, member = self._workflows.standing, self._member
        took = time.monotonic() - begun
        stats = standing.stats
        stats.add(member.workflow, runs=1, recovered=self._recovered)
        stats.took(member.workflow, took)
        failed_for = standing.late(member.workflow).answered(took)
        if failed_for is not None:
            stats.add(member.workflow, recoveries=1, recovery_s=failed_for)
        standing.late_of(member).answered(took)

    def _failed(self, failure: MindBotError, begun: float) -> None:
        standing, member = self._workflows.standing, self._member
        took = time.monotonic() - begun
        error = RunError(
            standing.clock(),
            failure.kind,
            told(failure),
            getattr(failure, "node", ""),
            self._turn.id,
            member.replica,
        )
        own = standing.late_of(member)
        for late in (standing.late(member.workflow), own):
            late.failed(error)
        standing.stats.add(member.workflow, runs=1, failed=1)
        ill = of_the_app(failure, took, member.settings.timeout)
        if ill or isinstance(failure, FOR_A_PERSON):
            self._workflows.fails(member, failure)
        if self._admission is None or not ill:
            return
        opens = not self._alone or own.in_a_row >= _KEEPS_FAILING
        if standing.circuit(member).failed(self._admission, told(failure), opens=opens):
            standing.changed(member)
        self._admission = None
