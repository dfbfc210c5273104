"""What speaks for each workflow, before it is a confidence."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from mindbot.domain.routing import Nearest
from mindbot.workflows.router.examples import Example

#: So many of a workflow's examples that are most like a text are looked at.
TOP = 5


@dataclass(slots=True)
class Likeness:
    """How like a text is to the examples of one workflow: the likest and the mean of the `TOP` likest.

    ``counter`` is the likest of the counter-examples. All are -1 to 1.
    """

    best: float = 0.0
    mean: float = 0.0
    counter: float = 0.0

    def above(self, usual: float, spread: float) -> tuple[float, float]:
        """Return ``best`` and ``mean`` as standard deviations above what is usual."""
        return (self.best - usual) / spread, (self.mean - usual) / spread


@dataclass(slots=True)
class Likenesses:
    """`Likeness` by workflow (None: out of scope), and the examples that are most like the text."""

    of: dict[str | None, Likeness] = field(default_factory=dict)
    nearest: tuple[Nearest, ...] = ()


class ExampleSet:
    """The examples, ready to be told apart by their similarities."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self.examples = list(examples)
        self.texts = [example.text for example in self.examples]
        members: dict[str | None, list[int]] = {}
        counters: dict[str | None, list[int]] = {}
        for number, example in enumerate(self.examples):
            kind = counters if example.counter else members
            kind.setdefault(example.workflow, []).append(number)
        self._counts = {workflow: len(numbers) for workflow, numbers in members.items()}
        self._members = {workflow: _picking(numbers) for workflow, numbers in members.items()}
        self._counters = {workflow: _picking(numbers) for workflow, numbers in counters.items()}

    def count(self, workflow: str | None) -> int:
        """Return how many examples a workflow has, counter-examples not among them."""
        return self._counts.get(workflow, 0)

    def likenesses(self, similarities: Sequence[float], *, nearest: int = 5, without: int = -1) -> Likenesses:
        """Return what the similarities to all examples come to; ``without`` leaves one example out."""
        if without >= 0:
            similarities = [-math.inf if i == without else each for i, each in enumerate(similarities)]
        found: dict[str | None, Likeness] = {}
        likest: list[float] = []  # of all: the nearest are among them
        for workflow, of in self._members.items():
            values = [each for each in _likest(of(similarities), nearest) if each > -math.inf]
            likest += values
            if top := values[:TOP]:
                found[workflow] = Likeness(top[0], sum(top) / len(top))
        for workflow, of in self._counters.items():
            values = _likest(of(similarities), nearest)
            likest += values
            found.setdefault(workflow, Likeness()).counter = values[0] if values[0] > -math.inf else 0.0
        return Likenesses(found, tuple(self._nearest(similarities, likest, nearest)))

    def _nearest(self, similarities: Sequence[float], likest: list[float], count: int) -> Iterator[Nearest]:
        """Yield the examples that are most like; ``likest`` are similarities, theirs among them."""
        before, at = 0.0, -1
        for each in sorted(likest, reverse=True)[:count]:
            if each <= 0:
                return
            at = similarities.index(each, at + 1 if each == before else 0)  # those alike in their order
            before = each
            yield self._near(at, each)

    def _near(self, number: int, similarity: float) -> Nearest:
        example = self.examples[number]
        return Nearest(example.text, None if example.counter else example.workflow, similarity)


def _picking(numbers: Sequence[int]) -> Callable[[Sequence[float]], Sequence[float]]:
    """Return what picks these places of a sequence, as fast as it gets."""
    if len(numbers) == 1:
        return lambda values: (values[numbers[0]],)
    return itemgetter(*numbers)


def _likest(values: Sequence[float], nearest: int) -> list[float]:
    return sorted(values, reverse=True)[: max(TOP, nearest)]
