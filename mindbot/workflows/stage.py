"""The stage that gives each message its workflow, by rules and by what it says."""

from __future__ import annotations

from typing import TypedDict

from mindbot.domain.errors import StoreError
from mindbot.domain.routing import Decision, RouteQuestion
from mindbot.domain.shapes.turns import Json, RouteJson
from mindbot.domain.turn import Turn
from mindbot.pipeline.onion import Next
from mindbot.pipeline.services import Services
from mindbot.pipeline.stop import STOPPED
from mindbot.workflows.forms import FormMatch
from mindbot.workflows.manager import Workflows
from mindbot.workflows.router.router import WorkflowRouter

_MEMO = "route"
_CANDIDATES = 3  # that stand in the route; its step has all


class _Decided(TypedDict):
    """What is remembered of a decision, so that a turn that runs again goes the same way."""

    route: RouteJson
    vars: dict[str, str]
    reply: str


class Classify:
    """Fills ``turn.route`` where neither a stage outside nor a runner of its own takes the message.

    What answers a form goes to the workflow that waits for it, before any rule: who is asked to choose 1 or 2
    and writes 2 means that, also where the word would stop something and a form offers it. What a rule says
    as it is ends the turn here.
    """

    after = "route"
    before = "compose"

    def __init__(self, services: Services) -> None:
        router = services.parts.get(WorkflowRouter)
        self._router = router if isinstance(router, WorkflowRouter) and router.routes else None
        self._once = services.once
        self._warn = services.warn
        if self._router is not None:
            standing = services.part(Workflows).standing
            self._forms, self._decisions = standing.forms, standing.decisions

    async def __call__(self, turn: Turn, call_next: Next) -> None:
        if self._router is None or not (_open(turn) or await self._is_said_to_a_form(turn)):
            await call_next(turn)
            return
        router = self._router
        reply = await self._decide(turn, router)
        if turn.route["runner"] == "reply":
            turn.reply.say(reply)
            return
        await call_next(turn)
        if turn.route["runner"] == "workflow" and (answered := turn.route.get("workflow")):
            await self._remember(turn, answered, router)

    async def _is_said_to_a_form(self, turn: Turn) -> bool:
        """Tell whether a word that ends answers, where it has ended none, is an action that a form offers."""
        if turn.route.get("runner") != "stop" or STOPPED in turn.vars:
            return False
        return _MEMO in turn.memo or await self._forms.names_action(turn)

    async def _decide(self, turn: Turn, router: WorkflowRouter) -> str:
        """Fill the turn's route; returns what is said without anybody being asked."""
        async with turn.span("rule", "classify") as span:

            async def decide() -> _Decided:
                if (match := await self._forms.match(turn)) is not None:
                    self._decisions["form"] += 1
                    return _of_form(match)
                decision = await router.decide(await self._question(turn, router))
                self._decisions[_by(decision)] += 1
                span.data |= decision.to_json()
                return {
                    "route": _route(decision, turn.route),
                    "vars": dict(decision.vars),
                    "reply": decision.reply,
                }

            decided = await self._once(turn, _MEMO, decide)
            if not _stands(decided["route"], router):  # the configuration is another one since
                decided = await decide()
            span.data.setdefault("route", decided["route"])
            turn.route = decided["route"].copy()
            turn.vars.update(decided["vars"])
        return decided["reply"]

    async def _question(self, turn: Turn, router: WorkflowRouter) -> RouteQuestion:
        try:
            previous = await router.previous.of(turn.message.context)
        except StoreError as error:  # the message can be routed without it
            self._warn("who answered last in a session cannot be read", turn=turn.id, error=str(error))
            previous = None
        user: Json = turn.vars.get("user") or {}
        return RouteQuestion.of(
            turn.message,
            departments=tuple(str(each) for each in user.get("departments") or ()),
            previous=previous.workflow if previous else "",
            previous_ts=previous.ts if previous else 0.0,
            vars=turn.vars,
            user_name=str(user.get("name") or ""),
        )

    async def _remember(self, turn: Turn, workflow: str, router: WorkflowRouter) -> None:
        try:
            await router.previous.answered(turn.session, workflow)
        except StoreError as error:  # the answer must not be lost for it
            self._warn("who answered in a session is not remembered", turn=turn.id, error=str(error))


def _open(turn: Turn) -> bool:
    """Whether nobody has decided yet who answers, or only that it is some workflow."""
    route = turn.route
    some_workflow = route.get("runner") == "workflow" and not route.get("workflow")
    return route.get("by") == "configuration" or some_workflow


def _by(decision: Decision) -> str:
    """Return who decided, as the metric calls them: a message's words are read in several ways."""
    if decision.by != "message":
        return decision.by
    if decision.workflow is None:
        return "none"
    parts = decision.candidates[0].parts
    return next((name for name in ("judge", "sticky") if name in parts), "classifier")


def _of_form(match: FormMatch) -> _Decided:
    """Return where a message goes that answers a form, or is about one."""
    form = match.form
    route: RouteJson = {
        "runner": "workflow",
        "workflow": form.workflow,
        "why": f"it answers a form that {form.workflow} waits for",
        "by": "form",
    }
    if match.say:
        route["runner"], route["why"] = "reply", f"it is about a form of {form.workflow}"
    else:
        route |= {"form": form.token, "action": match.action, "inputs": dict(match.inputs)}
        if form.then:
            route["then"] = list(form.then)
    return {"route": route, "vars": {}, "reply": match.say}


def _stands(route: RouteJson, router: WorkflowRouter) -> bool:
    """Whether a decision can still be followed: its workflow is there."""
    workflow = route.get("workflow", "")
    return route["runner"] != "workflow" or route["by"] == "form" or router.usable(workflow)


def _route(decision: Decision, before: RouteJson) -> RouteJson:
    """Return a decision as a turn's route; what is empty is left out."""
    route: RouteJson = {"runner": decision.runner, "why": decision.why or before["why"], "by": decision.by}
    if workflow := decision.workflow or decision.answers:
        route["workflow"] = workflow
    if decision.by == "message":
        route["confidence"] = round(decision.confidence, 4)
        route["mode"] = decision.mode
        route["out_of_scope"] = decision.workflow is None
    if decision.candidates:
        best = decision.candidates[:_CANDIDATES]
        route["candidates"] = [{"workflow": c.workflow, "score": round(c.score, 4)} for c in best]
    if decision.rule:
        route["rule"] = decision.rule
    if decision.chain:
        route["chain"] = list(decision.chain)
    if decision.together:
        route["together"], route["combine"] = list(decision.together), decision.combine
    if decision.then:
        route["then"] = list(decision.then)
    if decision.on_error:
        route["on_error"] = decision.on_error
    if decision.split_from:
        route["split_from"] = decision.split_from
    if decision.shadow:
        route["shadow"] = list(decision.shadow)
    return route
