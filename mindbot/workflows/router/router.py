"""Chooses who answers a message: by rules, and else by what it says. See `mindbot.domain.ports.workflows`."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from anyio.to_thread import run_sync

from mindbot.config.model import Config
from mindbot.domain.routing import Decision, RouteQuestion
from mindbot.domain.shapes.workflows import RouterJson
from mindbot.workflows.general import Usable, default_workflow
from mindbot.workflows.router import order, splits
from mindbot.workflows.router.classified import Classified
from mindbot.workflows.router.classifier import Classifier
from mindbot.workflows.router.embedders import embedder_in_use
from mindbot.workflows.router.examples import Example, ExampleCounts
from mindbot.workflows.router.facts import Facts
from mindbot.workflows.router.learned import Correction, LearnedStore
from mindbot.workflows.router.previous import Previous
from mindbot.workflows.router.rules import RouteRules, Ruling

#: Told (state, reason) when the router is another than before: ok or degraded.
Report = Callable[[str, str], None]


class WorkflowRouter:
    """See the module. ``runners`` are those that are installed; ``switched_on`` says of a workflow whether
    nobody has switched it off; ``previous`` knows who answered last in a session."""

    def __init__(
        self,
        config: Config,
        runners: Collection[str],
        classifier: Classifier,
        learned: LearnedStore,
        previous: Previous,
        *,
        switched_on: Usable = lambda name: True,
        report: Report = lambda state, reason: None,
    ) -> None:
        self.config = config
        self.learned = learned
        self.previous = previous
        self.rules = RouteRules(config.routes)
        self.decisions = 0
        self.none = 0  # of these belonged to none
        self._switched_on = switched_on
        self._report = report
        self.degraded = ""
        self._classifier = classifier
        self._learned = -1  # the version of the corrections that the classifier knows
        self._has_workflows = "workflow" in runners
        self._agent = config.agent is not None and "agent" in runners
        self._runners = frozenset(runners)

    @property
    def routes(self) -> bool:
        """Whether there is anything to decide."""
        return bool(self.config.workflows or self.config.routes)

    @property
    def mode(self) -> str:
        """How texts are compared now: full, hashed or patterns."""
        return self._classifier.mode

    async def examples(self) -> dict[str | None, ExampleCounts]:
        """Return how many examples are in use, by workflow (None: out of scope), without counter-examples."""
        self._learn()
        found: dict[str | None, list[Example]] = {}
        for each in await self._classifier.examples():
            if not each.counter:
                found.setdefault(each.workflow, []).append(each)
        return {workflow: ExampleCounts.of(some) for workflow, some in found.items()}

    def begin(self) -> None:
        """Tell how it is: at the beginning, and when that changes."""
        if self.routes:
            self._report("degraded" if self.degraded else "ok", self.degraded)

    async def ready(self) -> None:
        """Load what texts are compared with, so that the first message need not wait for it."""
        if len(self.config.workflows) > 1 or (self.config.workflows and self.config.router.default):
            self._learn()
            await self._classifier.ready()

    def usable(self, name: str) -> bool:
        """Whether a workflow can be asked at all. Whether it is well is for those who ask it."""
        settings = self.config.workflows.get(name)
        return self._has_workflows and settings is not None and settings.enabled and self._switched_on(name)

    def ruled(self, asked: RouteQuestion) -> Decision | None:
        """See the port."""
        facts = Facts(asked)
        ruling = self.rules.judge(facts, self.usable, count=False)
        return self._after(self._by_rule(ruling), ruling, facts) if ruling.decides else None

    async def decide(
        self, asked: RouteQuestion, among: Collection[str] = (), *, count: bool = True
    ) -> Decision:
        """See the port. ``count``: it is a message that is routed, not one that is tried."""
        started = time.perf_counter()
        facts = Facts(asked)
        ruling = self.rules.judge(facts, self.usable, count=count)
        decided = await self._decided(facts, ruling, among)
        if count:
            self.decisions += 1
            self.none += decided.workflow is None and decided.by == "message"
        return replace(decided, took_ms=(time.perf_counter() - started) * 1000)

    async def explain(self, asked: RouteQuestion, among: Collection[str] = ()) -> Decision:
        """Return what `decide` would, with a line for each rule; nothing is counted."""
        decided = await self.decide(asked, among, count=False)
        # In a thread, as `state`: there may be thousands of rules.
        lines = await run_sync(self.rules.told, Facts(asked), self.usable)
        return replace(decided, rules=tuple(lines))

    async def by_message(self, asked: RouteQuestion) -> Decision:
        """Return what a message alone says, whatever the rules are."""
        started = time.perf_counter()
        decided = await self._by_message(asked, (), Ruling())
        return replace(decided, took_ms=(time.perf_counter() - started) * 1000)

    async def _decided(self, facts: Facts, ruling: Ruling, among: Collection[str]) -> Decision:
        if ruling.decides:
            decided = self._by_rule(ruling)
        else:
            decided = await self._by_message(facts.asked, ruling.among or among, ruling)
        return self._after(decided, ruling, facts)

    async def state(self) -> RouterJson:
        """Return how it is, with its rules in order."""
        settings = self.config.router
        examples = (await self.examples()).values()
        return {
            "state": "degraded" if self.degraded else "ok",
            "reason": self.degraded,
            "mode": self.mode,
            "embedder": embedder_in_use(settings),
            "judge": settings.judge,
            "threshold": settings.threshold,
            "default": default_workflow(self.config, self.usable),
            "workflows": [name for name in self.config.workflows if self.usable(name)],
            "rules": [rule.to_json() for rule in self.rules.all],
            "examples": sum(each.all for each in examples),
            "shipped": sum(each.shipped for each in examples),
            "learned": self.learned.count("accepted"),
            "pending": self.learned.count("pending"),
            "decisions": self.decisions,
            "none": self.none,
        }

    # --- by a rule

    def _by_rule(self, ruling: Ruling) -> Decision:
        """Return what the rules say."""
        why = f"the rule {ruling.rule} says so"
        decided = Decision(None, "workflow", 1.0, why, mode=self.mode, by="rule")
        if ruling.reply:
            return replace(decided, runner="reply", reply=ruling.reply)
        together = tuple(name for name in ruling.workflows if self.usable(name))
        if first := ruling.workflow if self.usable(ruling.workflow) else next(iter(together), ""):
            return replace(decided, workflow=first, together=together if len(together) > 1 else ())
        if ruling.runner in self._runners:
            return replace(decided, runner=ruling.runner)
        why = f"the rule {ruling.rule} names the runner {ruling.runner}, which is not here"
        return self._default(replace(decided, why=why, confidence=0.0))

    # --- by what the message says

    async def _by_message(self, asked: RouteQuestion, among: Collection[str], ruling: Ruling) -> Decision:
        """Return what the classifier finds, or who answers what belongs to none."""
        named = [name for name in self.config.workflows if self.usable(name)]
        left = [name for name in named if name in among] if among else named
        nothing = Decision(None, self._plain(), mode=self.mode, by="configuration")
        if not left:
            return replace(nothing, why="no workflow can be asked" if self.config.workflows else "")
        if self._agent_first and not ruling.among:
            return replace(nothing, why="agent.workflows leaves to the agent what no rule sends elsewhere")
        if len(named) == 1 and not self.config.router.default:
            why = f"{named[0]} is the only workflow, and answers everything"
            return replace(nothing, workflow=named[0], runner="workflow", confidence=1.0, why=why)
        found = await self._classify(asked, left)
        decided = Decision(
            found.workflow,
            "workflow",
            found.confidence,
            found.why,
            candidates=found.candidates,
            mode=found.mode,
            threshold=found.threshold,
            margin=found.margin,
            nearest=found.nearest,
        )
        return decided if found.workflow else self._default(decided)

    async def take_in(self) -> None:
        """Let the corrections of now count for what is like them too. A message waits for none of it."""
        self._learn()
        await self._classifier.take_in()

    async def _classify(self, asked: RouteQuestion, among: Collection[str]) -> Classified:
        """Return what the classifier finds, the corrections of now being known to it."""
        self._learn()
        found = await self._classifier.classify(asked, among)
        if (degraded := self._classifier.degraded) != self.degraded:
            self.degraded = degraded
            self.begin()
        return found

    def _learn(self) -> None:
        learned = self.learned
        if self.config.router.learned and self._learned != learned.version:
            self._learned = learned.version
            self._classifier.learn(_examples(learned.accepted))

    @property
    def _agent_first(self) -> bool:
        workflows = self.config.agent.workflows if self._agent and self.config.agent else None
        return workflows is not None and (not workflows.enabled or workflows.routing_strategy == "tool-first")

    def _plain(self) -> str:
        """Return the runner that answers without a workflow."""
        return "agent" if self._agent else "chat"

    def _default(self, decided: Decision) -> Decision:
        """Return who answers what belongs to none: the default, else the agent or a bare model."""
        default = default_workflow(self.config, self.usable)
        named = self.config.router.default
        workflows = self.config.agent.workflows if self._agent and self.config.agent else None
        mixed = workflows is not None and workflows.routing_strategy == "hybrid"
        if default and (named or not mixed):
            why = f"{decided.why}; the default {default} answers"
            return replace(decided, runner="workflow", answers=default, why=why)
        runner = named if named in self._runners else self._plain()
        return replace(decided, runner=runner, why=f"{decided.why}; the runner {runner} answers")

    # --- who answers in its place, and after it

    def _after(self, decided: Decision, ruling: Ruling, facts: Facts) -> Decision:
        """Return a decision with the share of users that another answers, its chain, and what rules add."""
        told = replace(
            decided,
            rule=ruling.rule,
            rules=tuple(ruling.lines),
            then=tuple(name for name in ruling.then if self.usable(name)),
            on_error=ruling.on_error,
            combine=ruling.combine,
            vars=ruling.vars,
        )
        asked = told.workflow or told.answers
        if told.runner != "workflow" or not asked:
            return told
        answers = asked
        if self.config.router.splitting and not told.together:
            answers, told = self._split(asked, told, facts)
        return replace(told, chain=order.chain(self.config, told.together or (answers,), self.usable))

    def _split(self, asked: str, told: Decision, facts: Facts) -> tuple[str, Decision]:
        other = splits.chosen(asked, self.config.workflows[asked].split, facts.who)
        if other != asked and self.usable(other):
            why = f"{told.why}; {other} answers this user in place of {asked} (split)"
            told = replace(told, split_from=asked, why=why)
            told = replace(told, workflow=other) if told.workflow else replace(told, answers=other)
        else:
            other = asked
        shadow = splits.shadows(other, self.config.workflows[other].shadow, facts.who)
        return other, replace(told, shadow=tuple(name for name in shadow if self.usable(name)))


def _examples(corrections: Iterable[Correction]) -> list[Example]:
    """Return what corrections show: where a text belongs, and where it does not."""
    found: list[Example] = []
    for each in corrections:
        found.append(Example(each.text, each.workflow))
        if each.was is not None and each.was != each.workflow:
            found.append(Example(each.text, each.was, counter=True))
    return found
