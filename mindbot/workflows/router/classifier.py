"""Which workflow a text is meant for, with a confidence that can be believed; or none of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

import anyio
from anyio.to_thread import run_sync

from mindbot.config.workflows import RouterSettings, WorkflowSettings
from mindbot.domain.routing import Nearest, RouteQuestion, WorkflowCandidate
from mindbot.workflows.languages import language
from mindbot.workflows.router.calibration import Calibration, Way, calibration, shares
from mindbot.workflows.router.classified import Classified, why
from mindbot.workflows.router.compared import Compared, ExampleIndex, indexed
from mindbot.workflows.router.examples import Example, gather
from mindbot.workflows.router.followups import follows, says_little
from mindbot.workflows.router.judge import NoVerdict, RouteJudge
from mindbot.workflows.router.patterns import Patterns, strengths
from mindbot.workflows.router.texts import same
from mindbot.workflows.router.vectors import ExampleVectors, NotComparable

#: The confidence in an example that says just what the text says.
CERTAIN = 0.99
#: The confidence in who answered before, for a text that has the form of a follow-up, and for one that says
#: too little.
FOLLOWS, SAYS_LITTLE = 0.9, 0.7
#: Above this confidence that it belongs to none, a short text is not taken for a follow-up.
CLEARLY_NONE = 0.6
#: So many examples of corrections, the newest, are compared with texts: each costs every message. Those
#: before count for what says just the same.
COMPARED = 1000
#: A judge is asked where the confidence is so near to what is needed, or the next is so near.
UNSURE, CLOSE = 0.25, 0.15


class Classifier:
    """The classifier of one configuration. What it is shown is read at its first use, in a thread.

    ``vectors`` are an embedder's; without them texts are compared by hashed pieces.
    """

    def __init__(
        self,
        workflows: Mapping[str, WorkflowSettings],
        settings: RouterSettings,
        *,
        learned: Iterable[Example] = (),
        vectors: ExampleVectors | None = None,
        judge: RouteJudge | None = None,
    ) -> None:
        self._workflows = {name: each for name, each in workflows.items() if each.enabled}
        self._settings = settings
        self._patterns = Patterns({name: each.task_patterns for name, each in self._workflows.items()})
        self._learned = list(learned)
        self._index: ExampleIndex | None = None
        self._made_of: list[Example] | None = None  # the corrections that the index was made of
        self._building = anyio.Lock()
        self._vectors = vectors
        self._judge = judge
        self._hindered = ""  # why the last text that was to be compared by vectors was not
        self._down = ""  # what is said of an embedder that fails, until it makes vectors again
        self._speechless = ""  # what is said of a judge that gave no verdict, until it gives one

    @property
    def mode(self) -> str:
        """How texts are compared now: full, hashed or patterns."""
        if self._settings.embedder == "none":
            return "patterns"
        return "full" if self._vectors is not None and not self._hindered else "hashed"

    @property
    def degraded(self) -> str:
        """Why texts are not told apart as configured; empty: all is well. A text that neither the embedder
        nor the judge was needed for says nothing of them; nor are vectors that are being made a failure."""
        return "; ".join(filter(None, (self._down, self._speechless)))

    async def examples(self) -> list[Example]:
        """Return what texts are compared with now."""
        return (await self._shown()).shown.examples

    def learn(self, examples: Iterable[Example]) -> None:
        """Take these as the accepted corrections, in place of those before. They count from now on; while
        `take_in` makes them what texts are compared with, for texts that say just the same."""
        before, self._learned = self._learned, list(examples)
        if self._index is not None:
            self._index = self._index.saying(self._here(self._learned), instead_of=before)

    async def take_in(self) -> None:
        """Make the corrections of now what texts are compared with; who asks meanwhile need not wait."""
        async with self._building:
            learned = self._learned
            if self._made_of is not learned:
                made = await run_sync(self._make, learned)
                if learned is not self._learned:  # there are others since
                    made = made.saying(self._here(self._learned), instead_of=learned)
                self._index, self._made_of = made, learned

    async def prepare(self) -> None:
        """Make all vectors of examples that are missing; raises NotComparable when the embedder fails."""
        index = await self._shown()
        if self._vectors is not None:
            await self._vectors.prepare(index.shown.texts)

    async def ready(self) -> None:
        """Load, in a thread, what the first message would wait for; nobody is asked for a vector."""
        index = await self._shown()
        if self._vectors is not None:
            await self._vectors.ready(index.shown.texts)

    async def classify(self, asked: RouteQuestion, among: Collection[str] = ()) -> Classified:
        """Return the workflow that a text is meant for.

        ``among``: only these may be chosen; none: all that are enabled. Never raises for what an embedder or
        a judge do: ``mode`` and ``degraded`` say so.
        """
        names = [name for name in self._workflows if not among or name in among]
        index = await self._shown()
        exact = same(asked.text) in index.exact
        stays = not exact and self._may_stay(asked, names)
        if stays and follows(asked.text):
            found = self._found(asked, names, index, index.compare(asked.text))
            return self._stay(asked, found, FOLLOWS, "goes on with what was asked before")
        compared, degraded = await self._compared(index, asked.text, exact)
        found = self._found(asked, names, index, compared)
        if degraded:
            found = replace(found, degraded=degraded, why=f"{found.why} ({degraded})")
        if stays and found.workflow is None and says_little(asked.text) and _unclear(found):
            return self._stay(asked, found, SAYS_LITTLE, "is short and says nothing against it")
        if self._judge is not None and not exact and asked.text.strip() and _unsure(found):
            return await self._judged(asked, names, found, self._judge)
        return found

    # --- comparing

    async def _shown(self) -> ExampleIndex:
        """Return what is made of the examples; the corrections of now are known to it."""
        while (index := self._index) is None or self._made_of is not self._learned:
            if index is not None and self._building.locked():
                return index
            await self.take_in()
        return index

    def _make(self, learned: list[Example]) -> ExampleIndex:
        here = self._here(learned)
        if self._settings.embedder == "none":
            return indexed(tuple(replace(each, origin="learned") for each in here))
        known = self._settings.builtin_examples
        newest = here[-COMPARED:]
        made = indexed(tuple(gather(self._workflows, builtin_examples=known, learned=newest)))
        return made if len(newest) == len(here) else made.saying(here)

    def _here(self, learned: Iterable[Example]) -> list[Example]:
        """Return what is said of these workflows."""
        return [each for each in learned if each.workflow is None or each.workflow in self._workflows]

    async def _compared(self, index: ExampleIndex, text: str, exact: bool) -> tuple[Compared, str]:
        """Return how like the examples are, by the best means there is now; and why it is not the best."""
        if self._settings.embedder == "none":
            return Compared("patterns"), ""
        compared = index.compare(text)
        if self._vectors is None or exact or not text.strip() or not index.shown.texts:
            return compared, ""
        try:
            found = await self._vectors.similarities(index.shown.texts, text)
        except NotComparable as reason:
            self._hindered = f"patterns only, with built-in n-grams: {reason}"
            if reason.failed:
                self._down = self._hindered
            return compared, self._hindered
        self._hindered = self._down = ""
        return index.with_vectors(compared, found), ""

    def _found(
        self, asked: RouteQuestion, names: list[str], index: ExampleIndex, compared: Compared
    ) -> Classified:
        """Return what the text alone says."""
        spoken = language(asked.text)
        numbers = calibration(compared.way, spoken)
        matching = self._patterns.matching(asked.text)
        strong = strengths({name: found for name, found in matching.items() if name in names})
        evidence = {}
        for name in names:
            shown = index.shown.count(name) > 0
            evidence[name] = compared.evidence(name, strong.get(name, 0.0), numbers, shown=shown)
        weights = {name: numbers.weight(each) for name, each in evidence.items()}
        outside = numbers.weight(compared.outside(names), none=True)
        confident, none = index.corrected(asked.text, *shares(weights, outside), certain=CERTAIN)
        candidates = []
        for name in names:
            similar = max(0.0, min(1.0, compared.like(name).best))
            parts = {"pattern": strong.get(name, 0.0), "similarity": similar}
            near = tuple(each for each in compared.nearest if each.workflow == name)[:3]
            found = tuple(matching.get(name, ()))
            candidates.append(WorkflowCandidate(name, confident[name], parts, near, found))
        return self._decide(candidates, none, compared.way, spoken, compared.nearest, numbers)

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
        order = self._in_order(candidates)
        best = order[0] if order else None
        needed = self._needed(best.workflow, numbers.threshold) if best else 0.0
        score = best.score if best else 0.0
        chosen = best.workflow if best and score >= needed and score >= none else None
        second = max([none, *(each.score for each in order[1:])])
        told = why(chosen, best, needed, nearest)
        return Classified(
            chosen, score, order, way, needed, score - second, nearest[:5], told, spoken, none=none
        )

    def _in_order(self, candidates: Iterable[WorkflowCandidate]) -> tuple[WorkflowCandidate, ...]:
        def order(each: WorkflowCandidate) -> tuple[float, int, str]:
            return -round(each.score, 3), self._workflows[each.workflow].priority, each.workflow

        return tuple(sorted(candidates, key=order))

    def _needed(self, name: str, fitted: float) -> float:
        return self._workflows[name].threshold or self._settings.threshold or fitted

    # --- going on with who answered before

    def _may_stay(self, asked: RouteQuestion, names: list[str]) -> bool:
        soon = asked.ts - asked.previous_ts <= self._settings.sticky
        return asked.previous in names and self._settings.sticky > 0 and soon

    def _stay(self, asked: RouteQuestion, found: Classified, score: float, reason: str) -> Classified:
        told = f"stays with {asked.previous}: the text {reason}"
        return self._chosen(found, asked.previous, score, "sticky", told)

    def _chosen(self, found: Classified, name: str, score: float, part: str, told: str) -> Classified:
        """Return that a workflow is chosen for a reason that the text does not have."""
        before = next(each for each in found.candidates if each.workflow == name)
        chosen = replace(before, score=max(score, before.score), parts={**before.parts, part: score})
        others = tuple(each for each in found.candidates if each.workflow != name)
        rest = max((each.score for each in others), default=0.0)
        told = f"{told} ({found.degraded})" if found.degraded else told
        return replace(
            found,
            workflow=name,
            confidence=chosen.score,
            candidates=(chosen, *others),
            margin=chosen.score - rest,
            why=told,
        )

    # --- asking a model

    async def _judged(
        self, asked: RouteQuestion, names: list[str], found: Classified, judge: RouteJudge
    ) -> Classified:
        """Let a model decide; where it does not, what was found stays, and says so."""
        try:
            verdict = await judge.judge(asked, names)
        except NoVerdict as failure:
            self._speechless = told = f"the judge {self._settings.judge} gave no verdict: {failure}"
            degraded = "; ".join(filter(None, (found.degraded, told)))
            return replace(found, degraded=degraded, why=f"{found.why} ({told})")
        self._speechless = ""
        reason = f": {verdict.why}" if verdict.why else ""
        if verdict.workflow is None:
            told = f"the judge {self._settings.judge} takes it for out of scope{reason}"
            return replace(found, workflow=None, none=max(found.none, verdict.confidence), why=told)
        if verdict.confidence < self._needed(verdict.workflow, found.threshold):
            told = f"the judge {self._settings.judge} is unsure of {verdict.workflow}{reason}"
            return replace(found, workflow=None, why=told)
        told = f"the judge {self._settings.judge} says {verdict.workflow}{reason}"
        return self._chosen(found, verdict.workflow, verdict.confidence, "judge", told)


def _unclear(found: Classified) -> bool:
    return found.none < CLEARLY_NONE


def _unsure(found: Classified) -> bool:
    near = abs(found.confidence - found.threshold) < UNSURE
    return near or (found.workflow is not None and found.margin < CLOSE)
