"""Which workflow a text is meant for, with a confidence that can be believed; or none of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import anyio
from anyio.to_thread import run_sync

from mindbot.config.workflows import RouterSettings, WorkflowSettings
from mindbot.domain.routing import Nearest, RouteQuestion, WorkflowCandidate
from mindbot.workflows.router.calibration import Calibration, Evidence, Way, calibration, shares
from mindbot.workflows.router.classified import Classified, why
from mindbot.workflows.router.evidence import ExampleSet, Likeness, Likenesses
from mindbot.workflows.router.examples import Example, gather
from mindbot.workflows.router.followups import follows, says_little
from mindbot.workflows.router.hashed import HashedIndex
from mindbot.workflows.router.patterns import Patterns, strengths
from mindbot.workflows.router.texts import language, same

#: The confidence in an example that says just what the text says.
CERTAIN = 0.99
#: The confidence in who answered before, for a text that has the form of a follow-up, and for one that says
#: too little.
FOLLOWS, SAYS_LITTLE = 0.9, 0.7
#: Above this confidence that it belongs to none, a short text is not taken for a follow-up.
CLEARLY_NONE = 0.6


@dataclass(frozen=True, slots=True)
class _Index:
    """What is made of the examples once."""

    shown: ExampleSet
    hashed: HashedIndex
    exact: Mapping[str, Example]
    counters: frozenset[tuple[str, str | None]]

    @classmethod
    def of(cls, examples: tuple[Example, ...]) -> _Index:
        shown = ExampleSet(examples)
        exact = {same(each.text): each for each in reversed(examples) if not each.counter}
        counters = frozenset((same(each.text), each.workflow) for each in examples if each.counter)
        return cls(shown, HashedIndex(shown.texts), exact, counters)


#: A configuration that is loaded again shows the same examples.
_indexed = lru_cache(maxsize=4)(_Index.of)


class Classifier:
    """The classifier of one configuration. What it is shown is read at its first use, in a thread."""

    def __init__(
        self,
        workflows: Mapping[str, WorkflowSettings],
        settings: RouterSettings,
        *,
        learned: Iterable[Example] = (),
    ) -> None:
        self._workflows = {name: each for name, each in workflows.items() if each.enabled}
        self._settings = settings
        self._patterns = Patterns({name: each.task_patterns for name, each in self._workflows.items()})
        self._learned = list(learned)
        self._index: _Index | None = None
        self._building = anyio.Lock()

    def learn(self, examples: Iterable[Example]) -> None:
        """Take these as the accepted corrections, in place of those before; they count from now on."""
        self._learned = list(examples)
        self._index = None

    async def classify(self, asked: RouteQuestion, among: Collection[str] = ()) -> Classified:
        """Return the workflow that a text is meant for.

        ``among``: only these may be chosen; none: all that are enabled. Never raises for what an embedder or
        a judge do: ``mode`` and ``degraded`` say so.
        """
        names = [name for name in self._workflows if not among or name in among]
        index = await self._shown()
        way: Way = "patterns" if self._settings.embedder == "none" else "hashed"
        found = self._found(asked, names, index, way)
        return found if same(asked.text) in index.exact else self._sticky(asked, found)

    async def _shown(self) -> _Index:
        """Return what is made of the examples; the corrections of now are among them."""
        while (index := self._index) is None:
            async with self._building:
                if self._index is None:
                    learned = self._learned
                    made = await run_sync(self._make, learned)
                    if learned is self._learned:
                        self._index = made
        return index

    def _make(self, learned: list[Example]) -> _Index:
        if self._settings.embedder == "none":
            exact = [each for each in learned if each.workflow is None or each.workflow in self._workflows]
            return _indexed(tuple(exact))
        known = self._settings.builtin_examples
        return _indexed(tuple(gather(self._workflows, builtin_examples=known, learned=learned)))

    def _found(self, asked: RouteQuestion, names: list[str], index: _Index, way: Way) -> Classified:
        """Return what the text alone says."""
        spoken = language(asked.text)
        numbers = calibration(way, spoken)
        matching = self._patterns.matching(asked.text)
        strong = strengths({name: found for name, found in matching.items() if name in names})
        like = Likenesses()
        if way != "patterns":
            like = index.shown.likenesses(index.hashed.similarities(asked.text))
        vetoed = {name for name in names if (same(asked.text), name) in index.counters}
        weights = {}
        evidence = {}
        for name in names:
            evidence[name] = self._evidence(index, like.of.get(name), strong.get(name, 0.0), numbers, name)
            weights[name] = numbers.weight(evidence[name])
        outside = self._outside(like, names)
        confident, none = shares(weights, numbers.weight(outside, none=True))
        for name in vetoed:
            confident[name] = 0.0
        exact = index.exact.get(same(asked.text))
        if exact is not None and (exact.workflow is None or exact.workflow in confident):
            confident = {name: min(score, 1 - CERTAIN) for name, score in confident.items()}
            none = 1 - CERTAIN
            if exact.workflow is None:
                none = CERTAIN
            else:
                confident[exact.workflow] = CERTAIN
        candidates = [
            self._candidate(name, confident[name], evidence[name], like, matching.get(name, []))
            for name in names
        ]
        return self._decide(candidates, none, way, spoken, like.nearest, numbers)

    def _evidence(
        self, index: _Index, like: Likeness | None, pattern: float, numbers: Calibration, name: str
    ) -> Evidence:
        """Return what speaks for a workflow. One that is nearer to a counter-example has no likeness left;
        one without examples has that of an ordinary match where its patterns match."""
        if like is None or not index.shown.count(name):
            usual = numbers.typical if pattern else 0.0
            return Evidence(usual, usual, pattern=pattern)
        if like.counter and like.counter >= like.best:
            return Evidence()
        return Evidence(like.best, like.mean, pattern=pattern)

    def _outside(self, like: Likenesses, names: list[str]) -> Evidence:
        """Return what speaks for *out of scope*: examples of it, and counter-examples that are nearer."""
        none = like.of.get(None, Likeness())
        counters = [
            each.counter for name in names if (each := like.of.get(name)) and each.counter >= each.best
        ]
        return Evidence(max([none.best, *counters]), max([none.mean, *counters]))

    def _candidate(
        self, name: str, score: float, evidence: Evidence, like: Likenesses, matching: list[str]
    ) -> WorkflowCandidate:
        parts = {"pattern": evidence.pattern, "similarity": max(0.0, min(1.0, evidence.best))}
        near = tuple(each for each in like.nearest if each.workflow == name)
        return WorkflowCandidate(name, score, parts, near[:3], tuple(matching))

    def _threshold(self, name: str, numbers: Calibration) -> float:
        return self._workflows[name].threshold or self._settings.threshold or numbers.threshold

    def _decide(
        self,
        candidates: list[WorkflowCandidate],
        none: float,
        way: Way,
        spoken: str,
        nearest: tuple[Nearest, ...],
        numbers: Calibration,
    ) -> Classified:
        """Return the likeliest that reaches its threshold; of two alike, priority decides, then the name."""
        order = sorted(
            candidates,
            key=lambda each: (-round(each.score, 3), self._workflows[each.workflow].priority, each.workflow),
        )
        best = order[0] if order else None
        needed = self._threshold(best.workflow, numbers) if best else 0.0
        score = best.score if best else 0.0
        chosen = best.workflow if best and score >= needed and score >= none else None
        second = max([none, *(each.score for each in order[1:])])
        return Classified(
            chosen,
            score,
            tuple(order),
            way,
            needed,
            score - second,
            nearest,
            why(chosen, best, needed, nearest),
            spoken,
        )

    def _sticky(self, asked: RouteQuestion, found: Classified) -> Classified:
        """Stay with who answered before, where the text goes on with that."""
        by = {each.workflow: each for each in found.candidates}
        before = by.get(asked.previous)
        if before is None or not asked.ts - asked.previous_ts <= self._settings.sticky:
            return found
        if follows(asked.text):
            score, reason = FOLLOWS, "goes on with what was asked before"
        elif found.workflow is None and says_little(asked.text) and self._unclear(found):
            score, reason = SAYS_LITTLE, "is short and says nothing against it"
        else:
            return found
        stays = replace(before, score=max(score, before.score), parts={**before.parts, "sticky": score})
        others = tuple(each for each in found.candidates if each.workflow != before.workflow)
        rest = max((each.score for each in others), default=0.0)
        return replace(
            found,
            workflow=before.workflow,
            confidence=stays.score,
            candidates=(stays, *others),
            margin=stays.score - rest,
            why=f"stays with {before.workflow}: the text {reason}",
        )

    def _unclear(self, found: Classified) -> bool:
        return 1 - sum(each.score for each in found.candidates) < CLEARLY_NONE
