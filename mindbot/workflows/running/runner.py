"""The runner `workflow`: asks the workflow of the route, and who answers when it cannot."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import replace

from mindbot.config.workflows import WorkflowSettings
from mindbot.deadlines import now
from mindbot.domain import origins
from mindbot.domain.chat import ChatMessage, Chunk, Chunks
from mindbot.domain.errors import MindBotError, NotFound, WorkflowPaused
from mindbot.domain.shapes.turns import Json
from mindbot.domain.spending import Payer
from mindbot.domain.turn import Turn
from mindbot.pipeline.services import Services
from mindbot.telemetry.redaction import told
from mindbot.workflows.apps import AppCall
from mindbot.workflows.manager import Workflows
from mindbot.workflows.running.attempt import Question
from mindbot.workflows.running.chain import Chain
from mindbot.workflows.running.known import KnownRuns
from mindbot.workflows.running.pauses import FormAnswer, Pause, Pauses
from mindbot.workflows.running.plan import Plan
from mindbot.workflows.running.several import Together, next_question, text_of
from mindbot.workflows.running.shadows import ShadowJob, Shadows
from mindbot.workflows.verdict import FINAL

#: Runners that answer where no workflow can, in order.
_SPARE = ("agent", "chat")


class WorkflowRunner:
    """Asks the workflows of the turn's plan one after the other (`chain`), then the agent, then a bare model.

    In the end ``turn.route`` names who answered; where that is not who was meant, the turn's reason and its
    variable ``instead_of`` say so.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._workflows = services.part(Workflows)
        self._workflows.serve(services)
        self._forms = self._workflows.standing.forms
        shadows = services.parts.get(Shadows)
        self._shadows = shadows if isinstance(shadows, Shadows) else None

    async def run(self, turn: Turn) -> Chunks:
        """Yield the answer; raises MindBotError."""
        await self._workflows.check(Payer.of(turn.message))
        pauses, said = Pauses(self._forms), False
        chunks = self._resumed(turn, pauses) if turn.route.get("form") else self._asked(turn, pauses)
        try:
            async with aclosing(chunks):
                async for chunk in chunks:
                    said = said or bool(chunk.text)
                    yield chunk
        finally:
            turn.until = math.inf
        if pauses:
            words = await pauses.offered(turn)
            gap = "\n\n" if said and not pauses.stale else ""
            yield Chunk(gap + words, finish="stop", afresh=pauses.stale)

    # --- a question

    async def _asked(self, turn: Turn, pauses: Pauses) -> Chunks:
        """Yield the answer that the user gets, then have others asked in the shadow."""
        begun, said = time.monotonic(), list[str]()
        known = await KnownRuns.of(turn, self._workflows)
        plan = Plan.of(turn, self._workflows).going_on(known, self._workflows)
        for run in known.left:
            async with turn.span("workflow", run.workflow) as span:
                span.status, span.data["skipped"] = "skipped", run.why_left
        first = self._workflows.settings.get(plan.line[0]) if plan.line else None
        question = replace(self._question(turn, first), known=known)
        answer = self._answered(turn, plan, question, pauses)
        if plan.then:
            answer = self._worked_on(turn, plan.then, question, answer, pauses)
        async with aclosing(answer) as chunks:
            async for chunk in chunks:
                if plan.shadow:
                    if chunk.afresh:
                        said.clear()
                    said.append(chunk.text)
                yield chunk
        # There must be an answer to hold another one against, and one that a user got.
        for name in plan.shadow if not (pauses or turn.message.tried_for) else ():
            self._shadow(name, turn, question, "".join(said), (time.monotonic() - begun) * 1000)

    async def _answered(self, turn: Turn, plan: Plan, question: Question, pauses: Pauses) -> Chunks:
        if plan.together:
            together = Together(self._workflows, self._services, turn, question, plan.combine)
            try:
                text = await together.ask(plan.together)
            except FINAL:
                raise
            except MindBotError as failure:
                self._services.warn("none of several workflows answered", turn=turn.id, error=told(failure))
            else:
                for member, paused in together.paused:
                    pauses.add(Pause(member, paused, plan.then))
                by = together.answered or [member.workflow for member, _ in together.paused]
                turn.route["workflow"] = by[0]
                if text:
                    turn.vars["answered_by"] = ", ".join(by)
                    yield Chunk(text, finish="" if pauses else "stop")
                return
        spare = self._spare()
        chain = Chain(self._workflows, self._services, turn, question, others=bool(spare))
        try:
            async with aclosing(chain.run(plan.line)) as chunks:
                async for chunk in chunks:
                    yield chunk
            assert chain.answered is not None
            self._note(turn, plan.asked, chain, chain.answered.workflow)
            return
        except WorkflowPaused as paused:
            assert chain.asked is not None
            self._note(turn, plan.asked, chain, chain.asked.workflow)
            pauses.add(Pause(chain.asked, paused, plan.then), stale=chain.shown)
            return
        except FINAL:
            raise
        except MindBotError as failure:
            why = failure
        for name in spare:
            try:
                async with aclosing(self._by_spare(turn, name, plan, chain)) as chunks:
                    async for chunk in chunks:
                        yield chunk
                return
            except FINAL:
                raise
            except MindBotError as failure:
                self._services.warn("nobody stood in for a workflow", runner=name, error=told(failure))
        if chain.unfit is not None:
            yield Chunk(chain.unfit.text, finish="stop", afresh=chain.shown)
            return
        raise why

    async def _worked_on(
        self,
        turn: Turn,
        names: Sequence[str],
        question: Question,
        answer: Chunks,
        pauses: Pauses,
        answered: Callable[[], bool] = lambda: True,
    ) -> Chunks:
        """Yield what workflows make of an answer, one after the other; one that fails changes nothing.

        Nobody works on an answer that has still to come, nor on what is said where there is none (not
        ``answered``).
        """
        said: list[str] = []
        async with aclosing(answer) as chunks:
            async for chunk in chunks:
                if chunk.afresh:
                    said.clear()
                said.append(chunk.text)
        text, worked = "".join(said), list[str]()
        if pauses and (pauses.stale or not text):
            return
        for n, name in enumerate(names if answered() else (), 1):
            following = next_question(question, text)
            chain = Chain(self._workflows, self._services, turn, following, others=True, key=f"then:{n}")
            try:
                text = await text_of(chain, [name])
                worked.append(name)
            except WorkflowPaused as paused:
                assert chain.asked is not None
                pauses.add(Pause(chain.asked, paused, tuple(names[n:])))
                return
            except FINAL:
                raise
            except MindBotError as failure:
                turn.reason = f"{name} did not work on the answer: {told(failure)}"
        if worked:
            turn.vars["then"] = ", ".join(worked)
        yield Chunk(text, finish="" if pauses else "stop")

    def _shadow(self, name: str, turn: Turn, question: Question, answer: str, took_ms: float) -> None:
        if self._shadows is None or not self._workflows.usable(name):
            return
        by = turn.route.get("workflow") or turn.route["runner"]
        message = turn.message
        self._shadows.submit(
            ShadowJob(
                self._workflows, name, message, question.user, question.files, turn.id, by, answer, took_ms
            )
        )

    def _spare(self) -> list[str]:
        """Return the runners that may answer where no workflow can."""
        config, there = self._services.config, self._services.runners
        agent = config.agent
        able = {
            "agent": agent is not None and (agent.workflows is None or agent.workflows.fallback_enabled),
            "chat": any(each.enabled for each in config.providers.values()),
        }
        return [name for name in _SPARE if name in there and able[name]]

    async def _by_spare(self, turn: Turn, name: str, plan: Plan, chain: Chain) -> Chunks:
        """Yield another runner's answer, asked as if it had been chosen."""
        runner = self._services.runners[name]
        before, prompt = turn.route.copy(), turn.prompt
        if instructions := str(getattr(runner, "system_prompt", "")):
            turn.prompt = [ChatMessage("system", instructions, origin=origins.INSTRUCTIONS), *prompt]
        self._note(turn, plan.asked, chain, "")
        turn.route["runner"] = name
        stale = chain.shown
        try:
            async with aclosing(runner.run(turn)) as chunks:
                async for chunk in chunks:
                    if stale and (chunk.text or chunk.finish):
                        chunk.afresh, stale = True, False
                    yield chunk
        except MindBotError:
            turn.route, turn.prompt = before, prompt
            raise

    def _note(self, turn: Turn, asked: str, chain: Chain, answered: str) -> None:
        """Say who answered, and why it is not who was asked."""
        turn.route["workflow"] = answered
        if answered == asked or not asked:
            return
        turn.vars["instead_of"] = asked
        if asked in self._workflows.settings:
            self._workflows.standing.stats.add(asked, fallbacks=1)
        why = next((told(failure) for name, failure in chain.failures if name == asked), "")
        turn.reason = f"{asked} did not answer{f': {why}' if why else ''}"

    def _question(self, turn: Turn, first: WorkflowSettings | None) -> Question:
        """Return what is asked; its time is that of all runs of the first who is."""
        message = turn.message
        whole = first.timeout * (1 + first.max_retries) if first is not None else 0.0
        patience = max(self._services.config.router.patience, whole)
        files = turn.prompt[-1].attachments if turn.prompt else ()
        user = f"{message.platform}:{message.sender}"
        turn.until = now() + patience
        return Question(message.text, user, turn.session, files, turn.until)

    # --- an answer to a form

    async def _resumed(self, turn: Turn, pauses: Pauses) -> Chunks:
        route: Json = dict(turn.route)
        name, replica = str(route.get("workflow", "")), str(route.get("replica", ""))
        self._workflows.get(name)
        member = next((m for m in self._workflows.members[name] if m.replica == replica), None)
        if member is None:
            raise NotFound(f"the workflow {name!r} has no replica {replica!r} any more")
        question = self._question(turn, member.settings)
        call = AppCall(question.text, f"form:{route['form']}", question.user, turn.session)
        form = FormAnswer(self._workflows, self._services, turn, question, member)
        answer = self._forms.resume(turn, form, call, self._services.hands_over)
        if then := tuple(map(str, route.get("then") or ())):
            answer = self._worked_on(turn, then, question, answer, pauses, lambda: form.answered)
        async with aclosing(answer) as chunks:
            async for chunk in chunks:
                yield chunk
