"""Several workflows for one message: side by side and made one, or one after the other on the answer."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace

import anyio

from mindbot.domain import origins
from mindbot.domain.chat import ChatMessage, ChatRequest
from mindbot.domain.errors import MindBotError, StoreError, WorkflowPaused
from mindbot.domain.message import Json
from mindbot.domain.sent import SENT, clipped
from mindbot.domain.span import Span
from mindbot.domain.spending import Payer
from mindbot.domain.turn import Turn
from mindbot.pipeline.services import Services
from mindbot.telemetry.redaction import told
from mindbot.workflows.manager import Workflows
from mindbot.workflows.members import Member
from mindbot.workflows.running.attempt import Question
from mindbot.workflows.running.chain import Chain

_SUM_UP = (
    "Several assistants have answered the same question. Make one answer of theirs, in the language of the "
    "question: keep every fact, say nothing twice, name no assistant, add nothing of your own. Where they "
    "contradict each other, say so."
)


async def text_of(chain: Chain, names: Sequence[str]) -> str:
    """Return the whole answer of a chain; raises as `Chain.run`."""
    said: list[str] = []
    async with aclosing(chain.run(names)) as chunks:
        async for chunk in chunks:
            if chunk.afresh:
                said.clear()
            said.append(chunk.text)
    return "".join(said)


class Together:
    """Asks several workflows at once. ``answered`` are those that did, in the order of the route; ``paused``
    those that wait for a person first."""

    def __init__(
        self, workflows: Workflows, services: Services, turn: Turn, question: Question, combine: str
    ) -> None:
        self._workflows = workflows
        self._services = services
        self._turn = turn
        self._question = question
        self._combine = combine
        self._answers: dict[str, str] = {}
        self._failures: list[MindBotError] = []
        self.answered: list[str] = []
        self.paused: list[tuple[Member, WorkflowPaused]] = []

    async def ask(self, names: Sequence[str]) -> str:
        """Return the one answer; those that fail are left out of it. It is empty where all who could answer
        wait for a person.

        Raises:
            MindBotError: none did: what the first failed with. StoreError at once.
        """
        async with self._turn.span("workflow", "together") as span:
            span.data |= {"workflows": list(names), "combine": self._combine}
            async with anyio.create_task_group() as tasks:
                for name in names:
                    tasks.start_soon(self._one, name, span, tasks.cancel_scope)
            self.answered = [name for name in names if name in self._answers]
            if store := next((each for each in self._failures if isinstance(each, StoreError)), None):
                raise store
            if not self.answered and not self.paused:
                raise self._failures[0]
            texts = [self._answers[name] for name in self.answered]
            if len(texts) > 1 and self._combine == "model":
                return await self._summed_up(texts, span.data)
            return "\n\n".join(texts)

    async def _one(self, name: str, span: Span, others: anyio.CancelScope) -> None:
        chain = Chain(
            self._workflows,
            self._services,
            self._turn,
            self._question,
            others=True,
            key="together",
            parent=span,
        )
        try:
            self._answers[name] = await text_of(chain, [name])
        except WorkflowPaused as paused:
            assert chain.asked is not None
            self.paused.append((chain.asked, paused))
            return
        except MindBotError as failure:
            self._failures.append(failure)
            return
        if self._combine == "first":
            others.cancel()

    async def _summed_up(self, texts: Sequence[str], notes: Json) -> str:
        """Return a model's summary; where no model answers, one answer after the other."""
        answers = "\n\n".join(f"Answer {n}:\n{text}" for n, text in enumerate(texts, 1))
        asked = f"The question:\n{self._question.text}\n\n{answers}"
        request = ChatRequest(
            [
                ChatMessage("system", _SUM_UP, origin=origins.SUMMARY),
                ChatMessage("user", asked, origin=origins.ANSWERS),
            ],
            deadline=self._question.deadline,
        )
        payer = Payer.of(self._turn.message, self.answered[0])
        said: list[str] = []
        seen: Json = {"request": {"messages": clipped([line.to_json() for line in request.messages])}}
        try:
            async with aclosing(self._services.models.chat(request, notes=seen, payer=payer)) as chunks:
                async for chunk in chunks:
                    if chunk.afresh:
                        said.clear()
                    said.append(chunk.text)
        except StoreError:
            raise
        except MindBotError as failure:
            notes["not_summed_up"] = told(failure)
            return "\n\n".join(texts)
        finally:
            notes |= {name: seen[name] for name in ("request", SENT) if name in seen}
        notes["summed_up_by"] = seen.get("provider", "")
        return "".join(said) or "\n\n".join(texts)


def next_question(question: Question, answer: str) -> Question:
    """Return what a workflow is asked that works on an answer: that alone, of no conversation."""
    return replace(question, text=answer, conversation="", files=())
