"""A text beside the examples: by hashed pieces, and by an embedder's vectors where there are any."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from mindbot.domain.routing import Nearest
from mindbot.workflows.router.calibration import Calibration, Evidence, Way
from mindbot.workflows.router.evidence import ExampleSet, Likeness, Likenesses
from mindbot.workflows.router.examples import Example
from mindbot.workflows.router.hashed import HashedIndex
from mindbot.workflows.router.texts import same
from mindbot.workflows.router.vectors import Similarities

_UNLIKE = Likeness()  # what has no example


@dataclass(frozen=True, slots=True)
class Compared:
    """How like a text is to the examples. ``usual`` and ``spread`` are those of `Similarities`."""

    way: Way
    hashed: Likenesses = field(default_factory=Likenesses)
    vectors: Likenesses | None = None
    usual: float = 0.0
    spread: float = 1.0

    @property
    def nearest(self) -> tuple[Nearest, ...]:
        """The examples that are most like the text, by the best means."""
        return (self.hashed if self.vectors is None else self.vectors).nearest

    def like(self, workflow: str | None) -> Likeness:
        """Return the likeness of a workflow's examples, by the best means."""
        return (self.hashed if self.vectors is None else self.vectors).of.get(workflow, _UNLIKE)

    def refused(self, workflow: str) -> float:
        """Return how like a counter-example is that is nearer than any example of a workflow; 0: none is."""
        like = self.like(workflow)
        return like.counter if like.counter and like.counter >= like.best else 0.0

    def evidence(self, workflow: str, pattern: float, numbers: Calibration, *, shown: bool) -> Evidence:
        """Return what speaks for a workflow. One that is nearer to a counter-example has nothing left; one
        without examples has the likeness of an ordinary match where its patterns match."""
        if self.refused(workflow):
            return Evidence()
        if not shown:
            return numbers.ordinary(pattern) if pattern else Evidence()
        return self._evidence(workflow, pattern)

    def outside(self, workflows: Iterable[str]) -> Evidence:
        """Return what speaks for *out of scope*: its examples, and counter-examples that are nearer."""
        found = self._evidence(None)
        refused = max((self.refused(name) for name in workflows), default=0.0)
        if not refused:
            return found
        if self.vectors is None:
            return replace(found, best=max(found.best, refused), mean=max(found.mean, refused))
        near = (refused - self.usual) / self.spread
        return replace(found, near=max(found.near, near), about=max(found.about, near))

    def _evidence(self, workflow: str | None, pattern: float = 0.0) -> Evidence:
        like = self.hashed.of.get(workflow, _UNLIKE)
        if self.vectors is None or workflow not in self.vectors.of:
            return Evidence(like.best, like.mean, pattern=pattern)
        near, about = self.vectors.of[workflow].above(self.usual, self.spread)
        return Evidence(like.best, like.mean, near, about, pattern)


@dataclass(frozen=True, slots=True)
class ExampleIndex:
    """What is made of the examples once."""

    shown: ExampleSet
    hashed: HashedIndex
    exact: Mapping[str, Example]
    counters: frozenset[tuple[str, str | None]]

    def saying(self, learned: Iterable[Example], *, instead_of: Iterable[Example] = ()) -> ExampleIndex:
        """Return it with corrections that count for texts that say just the same, in place of others; nothing
        else is compared with them."""
        exact, counters = dict(self.exact), set(self.counters)
        for each in instead_of:
            if each.counter:
                counters.discard((same(each.text), each.workflow))
            elif exact.get(same(each.text)) == each:
                del exact[same(each.text)]
        for each in learned:
            if each.counter:
                counters.add((same(each.text), each.workflow))
            else:
                exact[same(each.text)] = each
        return replace(self, exact=exact, counters=frozenset(counters))

    def compare(self, text: str) -> Compared:
        """Return how like the examples are by hashed pieces."""
        return Compared("hashed", self.shown.likenesses(self.hashed.similarities(text)))

    def with_vectors(self, compared: Compared, found: Similarities) -> Compared:
        """Return how like they are by vectors too."""
        likenesses = self.shown.likenesses(found.values)
        return Compared("full", compared.hashed, likenesses, found.usual, found.spread)

    def corrected(
        self, text: str, confident: dict[str, float], none: float, *, certain: float
    ) -> tuple[dict[str, float], float]:
        """Return confidences, where an example or counter-example says just what the text says."""
        said = same(text)
        confident = {n: 0.0 if (said, n) in self.counters else score for n, score in confident.items()}
        exact = self.exact.get(said)
        if exact is None or (exact.workflow is not None and exact.workflow not in confident):
            return confident, none
        confident = {name: min(score, 1 - certain) for name, score in confident.items()}
        if exact.workflow is None:
            return confident, certain
        return {**confident, exact.workflow: certain}, 1 - certain


def _index(examples: tuple[Example, ...]) -> ExampleIndex:
    shown = ExampleSet(examples)
    exact = {same(each.text): each for each in reversed(examples) if not each.counter}
    counters = frozenset((same(each.text), each.workflow) for each in examples if each.counter)
    return ExampleIndex(shown, HashedIndex(shown.texts), exact, counters)


#: A configuration that is loaded again shows the same examples.
indexed = lru_cache(maxsize=4)(_index)
