"""Replays: a turn made again from what is kept of it, and the two side by side."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import cast

from mindbot.domain import ids
from mindbot.domain.errors import Conflict, StoreError
from mindbot.domain.shapes.replays import ReplayJson, ReplayOrder, SideJson, StepJson, StepOutcome
from mindbot.domain.shapes.turns import TurnJson
from mindbot.domain.span import Span
from mindbot.domain.turn import Turn
from mindbot.runtime.generation import Generation
from mindbot.runtime.intake import Intake
from mindbot.runtime.replay_plans import ReplayPlans
from mindbot.runtime.replaying import MARK, STEPS
from mindbot.runtime.resources.naming import turn_named
from mindbot.runtime.resources.questions import Questions
from mindbot.telemetry.redaction import redactor
from mindbot.workflows.remembered import is_note

#: What of a trace is shown as a step beside the stages.
_INNER = ("model", "tool", "workflow", "retrieval")
_TAKEN_OVER = "its recorded result was taken: nobody was asked"
_NOT_COME_TO = "the replay did not come to it"
_IDLE = "a dry run"


class ReplayResource:
    """Answers ``/v1/turns/{turn}/replay``. ``wait`` returns a turn when it is done."""

    def __init__(
        self,
        current: Callable[[], Generation],
        questions: Questions,
        plans: ReplayPlans,
        intake: Intake,
        draining: Callable[[], bool],
        wait: Callable[[str, float], Awaitable[TurnJson]],
    ) -> None:
        self._current = current
        self._questions = questions
        self._plans = plans
        self._intake = intake
        self._draining = draining
        self._wait = wait

    async def replay(self, turn: str, order: ReplayOrder) -> str:
        """Make a turn again, on disk before it runs; returns the id of the one that does it.

        Raises:
            NotFound, Invalid, Conflict: see `ReplayPlans.message`.
            StoreError: it is not on disk.
        """
        if self._draining():
            raise StoreError("the daemon is stopping", hint="ask again once it is back")
        queries = await self._questions.queries()
        of = await queries.kept_turn(await turn_named(queries, turn))
        message = await self._plans.message(of, order, self._current(), queries)
        return ids.show((await self._intake.receive(message)).turn)

    async def wait_replay(self, turn: str, timeout: float) -> ReplayJson:
        """Return a replay beside its original once it is done; raises TimedOut, NotFound."""
        await self._wait(turn, timeout)
        return await self.compare(turn)

    async def compare(self, turn: str) -> ReplayJson:
        """Return a replay beside its original; raises NotFound, Conflict where it is none."""
        queries = await self._questions.queries()
        made = await queries.kept_turn(await turn_named(queries, turn))
        plan = made.message.replay
        if plan is None:
            raise Conflict(f"turn {made.id} is no replay", hint=f"make one: mindbot replay {made.id}")
        of = await queries.kept_turn(plan["of"])
        found: ReplayJson = {
            "turn": made.id,
            "of": of.id,
            "mode": plan["mode"],
            "from_stage": plan["from_stage"],
            "recorded": plan["recorded"],
            "dry_run": bool(made.message.tried_for),
            "same": (made.state, made.reply.text) == (of.state, of.reply.text),
            "steps": list(_steps(of, made)),
            "original": _side(of),
            "replay": _side(made),
        }
        return cast("ReplayJson", redactor.conversation(found))


def _side(turn: Turn) -> SideJson:
    """Return what a comparison says of a turn."""
    costs = [each for span in turn.spans if isinstance(each := span.data.get("cost"), dict)]
    money = [float(each["money"]) for each in costs if isinstance(each.get("money"), int | float)]
    model = next((span for span in reversed(turn.spans) if span.kind == "model"), None)
    usage = [each for span in turn.spans if isinstance(each := span.data.get("usage"), dict)]
    outermost = turn.spans[0].took * 1000 if turn.spans else 0.0
    return {
        "turn": turn.id,
        "config": turn.config,
        "state": turn.state,
        "reply": turn.reply.text,
        "reason": turn.reason,
        "runner": turn.route.get("runner", ""),
        "workflow": turn.route.get("workflow", ""),
        "provider": str(model.data.get("provider", "")) if model else "",
        "model": str(model.data.get("model", "")) if model else "",
        "tokens": sum(int(each.get(k, 0)) for each in usage for k in ("input_tokens", "output_tokens")),
        "cost": sum(money) if money else None,
        "currency": next((str(each.get("currency", "")) for each in costs), ""),
        "took_ms": round(max(0.0, outermost), 3),
    }


def _steps(of: Turn, made: Turn) -> Iterable[StepJson]:
    """Yield the steps of a replay, and where they would stand those that it took over or left out."""
    stages = {span.name: span for span in made.spans if span.kind == "stage"}
    inner = {name: list(_inside(of, name)) for name in {s.name for s in of.spans if s.kind == "stage"}}
    for span in made.spans:
        if span.kind in _INNER:
            yield _step(span.kind, span.name, _outcome(span))
        if span.kind != "stage":
            continue
        outcome = _outcome(span)
        yield _step("stage", span.name, outcome, _IDLE if outcome == "skipped" else "")
        for key, how in span.data.get(STEPS, {}).items():
            if key not in (span.name, "route") and not is_note(key):
                yield _step("step", key, how)
        if outcome == "recorded":
            for each in inner.get(span.name, ()):
                yield _step(each.kind, each.name, "recorded", _TAKEN_OVER)
    for span in of.spans:
        if span.kind == "stage" and span.name not in stages:
            yield _step("stage", span.name, "skipped", _NOT_COME_TO)


def _step(kind: str, name: str, outcome: StepOutcome, why: str = "") -> StepJson:
    return {"kind": kind, "name": name, "outcome": outcome, "why": why}


def _outcome(span: Span) -> StepOutcome:
    if span.status == "skipped":
        return "skipped"
    return cast("StepOutcome", span.data.get(MARK, "re-run"))


def _inside(turn: Turn, stage: str) -> Iterable[Span]:
    """Yield the inner steps of which a stage is the innermost one around."""
    by_id = {span.id: span for span in turn.spans}
    for span in turn.spans:
        if span.kind not in _INNER:
            continue
        around = by_id.get(span.parent)
        while around is not None and around.kind != "stage":
            around = by_id.get(around.parent)
        if around is not None and around.name == stage:
            yield span
