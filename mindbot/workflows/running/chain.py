"""One message's way through workflows and their replicas, until one answers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing

from mindbot.deadlines import now
from mindbot.domain.chat import Chunk, Chunks
from mindbot.domain.errors import BudgetSpent, MindBotError, Overloaded, TimedOut, UnfitAnswer
from mindbot.domain.span import Span
from mindbot.domain.spending import Payer
from mindbot.domain.turn import Turn
from mindbot.pipeline.services import Services
from mindbot.telemetry.redaction import told
from mindbot.workflows.manager import Workflows
from mindbot.workflows.members import Member
from mindbot.workflows.running import checks
from mindbot.workflows.running.attempt import AppAttempt, Question
from mindbot.workflows.verdict import FINAL, fails_as_well

_PROOF = 20.0  # seconds that a message waits for one of those who are left alone, where nobody else is there


class Chain:
    """See the module. ``failures`` is what failed, ``answered`` who answered, ``asked`` who was asked last,
    ``shown`` whether some of an answer was.

    ``others``: somebody beyond these workflows could answer as well (the agent, a bare model).
    """

    def __init__(
        self,
        workflows: Workflows,
        services: Services,
        turn: Turn,
        question: Question,
        *,
        others: bool = False,
        key: str = "run",
        parent: Span | None = None,
    ) -> None:
        self._workflows = workflows
        self._services = services
        self._turn = turn
        self._question = question
        self._others = others
        self._key = key
        self._parent = parent
        self._skipped: list[Member] = []
        self._unfit: UnfitAnswer | None = None
        self.shown = False  # some of an answer
        self._stale = False  # what was shown is not the answer
        self.answered: Member | None = None
        self.asked: Member | None = None
        self.failures: list[tuple[str, MindBotError]] = []

    async def run(self, names: Sequence[str]) -> Chunks:
        """Yield the answer of the first that has one; where one broke off, the next one's replaces it whole.

        Raises:
            MindBotError: the failure of the first, when nobody could answer; at once where nobody else may be
                asked: the content was refused, a person has to fill in a form.
        """
        lines = {name: await self._line(name) for name in names}
        alone = not self._others and sum(map(len, lines.values())) == 1
        for name, line in lines.items():
            async with aclosing(self._workflow(name, line, alone=alone)) as chunks:
                async for chunk in chunks:
                    yield chunk
            if self.answered is not None:
                return
        if not self.failures and self._skipped and not self._others:
            async with aclosing(self._proving(alone=alone)) as chunks:
                async for chunk in chunks:
                    yield chunk
            if self.answered is not None:
                return
        raise self.failure()

    def failure(self) -> MindBotError:
        """Return what to tell of a chain in which nobody answered."""
        if self.failures:
            return self.failures[0][1]
        for member in self._skipped:
            circuit = self._workflows.standing.circuit(member)
            why = f"{member} is left alone for {max(1.0, circuit.waits):.0f}s more: {circuit.why}"
            return Overloaded(why, code="left_alone", hint="it is tried again by itself")
        return Overloaded("no workflow could be asked", hint="see `mindbot workflow list`")

    @property
    def unfit(self) -> UnfitAnswer | None:
        """The first answer with words that did not pass its checks: better than none."""
        return self._unfit

    async def _line(self, name: str) -> list[Member]:
        if not self._workflows.usable(name):
            return []
        line = self._workflows.line(name, await self._workflows.stays(name, self._question.conversation))
        return sorted(line, key=lambda member: not self._question.known.goes_on(self._key, member))

    async def _workflow(self, name: str, line: Sequence[Member], *, alone: bool) -> Chunks:
        """Yield the answer of one of a workflow's apps, if one has any."""
        if not line:
            await self._pass_over(name, "it is off" if name in self._workflows.settings else "unknown")
            return
        settings = self._workflows.settings[name]
        if why := checks.not_taken(settings.accept, self._turn.message):
            await self._pass_over(name, why)
            if settings.accept.notice:
                self.answered = line[0]
                yield self._marked(Chunk(settings.accept.notice, finish="stop"))
            return
        try:
            await self._workflows.check(Payer(workflow=name))
        except BudgetSpent as failure:  # of this workflow: others have their own
            await self._pass_over(name, told(failure))
            self.failures.append((name, failure))
            return
        for member in line:
            if self._question.deadline <= now():
                self.failures.append((name, TimedOut("the time for this answer is up")))
                return
            admission = self._workflows.standing.circuit(member).admit()
            if admission is None:
                self._skipped.append(member)
                circuit = self._workflows.standing.circuit(member)
                await self._pass_over(name, f"left alone: {circuit.why}", member.replica)
                continue
            self.asked = member
            attempt = AppAttempt(
                self._workflows,
                self._services,
                self._turn,
                self._question,
                member,
                admission,
                key=self._question.known.key(self._key, member),
                alone=alone,
                parent=self._parent,
            )
            try:
                async with aclosing(attempt.run()) as chunks:
                    async for chunk in chunks:
                        yield self._marked(chunk)
                self.answered = member
                return
            except FINAL:
                raise
            except MindBotError as failure:
                self.failures.append((name, failure))
                self._stale = self.shown
                if isinstance(failure, UnfitAnswer) and failure.text.strip():
                    self._unfit = self._unfit or failure
                if fails_as_well(failure):
                    return

    async def _proving(self, *, alone: bool) -> Chunks:
        """Wait until one of those who are left alone may be asked, and ask it: nobody else is there."""
        standing = self._workflows.standing
        ends = min(now() + _PROOF, self._question.deadline)
        skipped, self._skipped = self._skipped, []
        async with self._services.lend(self._turn):
            while (left := ends - now()) > 0:
                if any(standing.circuit(member).free for member in skipped):
                    break
                soonest = min(standing.circuit(member).waits for member in skipped)
                if soonest > left:
                    break
                await standing.moved(min(soonest or left, left))
        for member in skipped:
            async with aclosing(self._workflow(member.workflow, [member], alone=alone)) as chunks:
                async for chunk in chunks:
                    yield chunk
            if self.answered is not None:
                return

    async def _pass_over(self, name: str, why: str, replica: str = "") -> None:
        """Write into the trace that one was not asked, and why."""
        async with self._turn.span("workflow", name, parent=self._parent) as span:
            span.status = "skipped"
            span.data["skipped"] = told(why)
            if replica:
                span.data["replica"] = replica

    def _marked(self, chunk: Chunk) -> Chunk:
        """Say where the answer begins, when what was shown before was another's that broke off."""
        if self._stale and (chunk.text or chunk.finish):
            chunk.afresh, self._stale = True, False
        self.shown = self.shown or bool(chunk.text)
        return chunk
