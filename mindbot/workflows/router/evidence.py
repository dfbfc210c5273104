"""What speaks for each workflow, before it is a confidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

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
        self._members: dict[str | None, list[int]] = {}
        self._counters: dict[str | None, list[int]] = {}
        for number, example in enumerate(self.examples):
            kind = self._counters if example.counter else self._members
            kind.setdefault(example.workflow, []).append(number)

    def count(self, workflow: str | None) -> int:
        """Return how many examples a workflow has, counter-examples not among them."""
        return len(self._members.get(workflow, ()))

    def likenesses(self, similarities: Sequence[float], *, nearest: int = 5, without: int = -1) -> Likenesses:
        """Return what the similarities to all examples come to; ``without`` leaves one example out."""
        found: dict[str | None, Likeness] = {}
        for workflow, members in self._members.items():
            values = sorted((similarities[i] for i in members if i != without), reverse=True)[:TOP]
            if values:
                found[workflow] = Likeness(values[0], sum(values) / len(values))
        for workflow, members in self._counters.items():
            likest = max((similarities[i] for i in members if i != without), default=0.0)
            found.setdefault(workflow, Likeness()).counter = likest
        order = sorted(range(len(similarities)), key=similarities.__getitem__, reverse=True)[:nearest]
        return Likenesses(found, tuple(self._near(i, similarities[i]) for i in order if similarities[i] > 0))

    def _near(self, number: int, similarity: float) -> Nearest:
        example = self.examples[number]
        return Nearest(example.text, None if example.counter else example.workflow, similarity)
