"""Where messages go: the router's state, explanations, corrections, another configuration."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from mindbot.domain.errors import Invalid
from mindbot.domain.routing import RouteQuestion
from mindbot.domain.shapes.turns import RouteJson
from mindbot.domain.shapes.workflows import DecisionJson, LearnedJson, MovedJson, RouterJson
from mindbot.runtime.generation import Generation
from mindbot.runtime.rerouting import moved, other_config, trying
from mindbot.runtime.resources.naming import turn_named
from mindbot.runtime.resources.questions import Questions
from mindbot.telemetry.redaction import redactor
from mindbot.workflows.router.learned import Correction, Verdict
from mindbot.workflows.router.router import WorkflowRouter


class RouteResource:
    """Answers ``/v1/routes``. ``current`` returns the generation in force."""

    def __init__(self, current: Callable[[], Generation], questions: Questions) -> None:
        self._current = current
        self._questions = questions

    @property
    def _router(self) -> WorkflowRouter:
        return self._current().router

    async def state(self) -> RouterJson:
        """Return how the router is, with its rules."""
        return await self._router.state()

    async def classify(self, text: str) -> DecisionJson:
        """Return which workflow a text means by itself, without rules."""
        decision = await self._router.by_message(RouteQuestion(text, ts=time.time()))
        return decision.to_json()

    async def explain(
        self,
        text: str,
        *,
        platform: str,
        bot: str,
        user: str,
        group: str,
        departments: Sequence[str],
        session: str,
    ) -> DecisionJson:
        """Return where a message would go, with a line for each rule; raises StoreError."""
        router = self._router
        previous = await router.previous.of(session) if session else None
        asked = RouteQuestion(
            text,
            platform,
            bot,
            user,
            group,
            session,
            departments=tuple(departments),
            ts=time.time(),
            previous=previous.workflow if previous else "",
            previous_ts=previous.ts if previous else 0.0,
        )
        return (await router.explain(asked)).to_json()

    # --- corrections

    async def learned(self, state: str, limit: int) -> list[LearnedJson]:
        """Return corrections, the newest first."""
        found = self._router.learned.listed(state, limit)
        return [_shown(each) for each in found]

    async def learn(
        self, text: str, *, turn: str, workflow: str | None, note: str, by: str = ""
    ) -> LearnedJson:
        """Take the word of an operator (``by``) on where a text, or what a turn was asked, belongs.

        It counts at once.

        Raises:
            NotFound: no such turn.
            Invalid: nothing is said, or the workflow is not one.
            Conflict: so many are kept that there is no room.
            StoreError: it cannot be read or written.
        """
        router = self._router
        if workflow is not None and workflow not in router.config.workflows:
            there = ", ".join(router.config.workflows) or "none"
            raise Invalid(f"no workflow named {workflow!r}", hint=f"there are: {there}; none is for none")
        if turn:
            queries = await self._questions.queries()
            turn = await turn_named(queries, turn)
            text = text or (await queries.message_of(turn)).said
            was = _chosen((await queries.get_turn(turn))["route"])
        else:
            was = (await router.by_message(RouteQuestion(text, ts=time.time()))).workflow
        if not text.strip():
            raise Invalid("there is no text to learn from", hint="give the text, or a turn that has one")
        told = await router.learned.teach(
            text, workflow, was=was if was != workflow else None, by=by, turn=turn, note=note
        )
        await router.take_in()
        return _shown(told)

    async def review(self, id: str, verdict: Verdict, *, by: str = "") -> LearnedJson:
        """Let a correction count, or not, or no longer; raises NotFound, Conflict, StoreError."""
        router = self._router
        told = await router.learned.review(id, verdict, by=by)
        await router.take_in()
        return _shown(told)

    async def diff(self, config: str, last: int) -> list[MovedJson]:
        """Return which of the last stored messages another configuration would send elsewhere.

        Raises:
            ConfigError: it cannot be used; its ``problems`` say where.
            StoreError: the messages cannot be read.
        """
        other, current = await other_config(config), self._current()
        lines = await (await self._questions.queries()).list_turns(None, last, "")
        routers = trying(current.loaded.config, current), trying(other, current)
        rows: list[MovedJson] = redactor.known(await moved(lines, *routers))
        return rows


def _shown(correction: Correction) -> LearnedJson:
    row: LearnedJson = redactor.known(correction.to_json())
    return row


def _chosen(route: RouteJson) -> str | None:
    """Return the workflow that a turn's words were taken for; None: for none.

    Who answered in the end may be another: one of a chain, or of a split.
    """
    if route.get("out_of_scope"):
        return None
    candidates = route.get("candidates", [])
    return candidates[0]["workflow"] if candidates else route.get("workflow")
