"""What the classifier is shown: examples of each workflow, and of what belongs to none.

Those that come with MindBot are lists of sentences beside this file, one a line, for workflows of well-known
names; the configuration's ``examples:`` and ``not_examples:`` and accepted corrections come on top.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Literal

from mindbot.config.workflows import WorkflowSettings
from mindbot.workflows.router.hashed import HashedIndex
from mindbot.workflows.router.patterns import Patterns
from mindbot.workflows.router.texts import same

#: Workflows of these names get examples that come with MindBot.
WELL_KNOWN = (
    "general_chat",
    "code_analysis",
    "document_processing",
    "data_analysis",
    "creative_writing",
    "research",
)
#: Two texts are about the same when their hashed pieces are so alike.
ALIKE = 0.3


@dataclass(frozen=True, slots=True)
class Example:
    """A text and where it belongs; ``workflow`` None: to none of them.

    ``counter``: it sounds like ``workflow`` and does not belong there, wherever else it does. ``origin`` is
    who says so: the configuration, MindBot itself, or a correction.
    """

    text: str
    workflow: str | None
    counter: bool = False
    origin: Literal["configured", "shipped", "learned"] = field(default="configured", compare=False)


@dataclass(frozen=True, slots=True)
class ExampleCounts:
    """How many examples are in use; ``shipped`` of them come with MindBot, ``learned`` are corrections."""

    all: int = 0
    shipped: int = 0
    learned: int = 0

    @classmethod
    def of(cls, examples: Sequence[Example]) -> ExampleCounts:
        """Count some."""
        origins = [each.origin for each in examples]
        return cls(len(origins), origins.count("shipped"), origins.count("learned"))


def well_known(name: str) -> str:
    """Return the well-known name that a workflow's name is a spelling of (general-chat, General Chat), or
    nothing."""
    spelled = re.sub(r"[\s\-.]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).strip()).lower()
    return spelled if spelled in WELL_KNOWN else ""


@cache
def builtin(name: str) -> tuple[str, ...]:
    """Return the sentences that come with MindBot for a well-known name, or for ``none``."""
    lines = files(__package__).joinpath("examples", f"{name}.txt").read_text("utf-8").splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))


def gather(
    workflows: Mapping[str, WorkflowSettings], *, builtin_examples: bool, learned: Iterable[Example] = ()
) -> list[Example]:
    """Return all examples of these workflows. Of a text that is said twice, what is learned wins, then what
    is configured."""
    found: dict[tuple[str, str | None, bool], Example] = {}
    settled: set[str] = set()

    def take(example: Example) -> None:
        found.setdefault((same(example.text), example.workflow, example.counter), example)

    for example in learned:
        if example.workflow is None or example.workflow in workflows:
            take(replace(example, origin="learned"))
            settled.add(same(example.text))
    configured = [
        Example(text, name, counter)
        for name, settings in workflows.items()
        for texts, counter in ((settings.examples, False), (settings.not_examples, True))
        for text in texts
    ]
    for example in configured:
        if same(example.text) not in settled:
            take(example)
    settled |= {same(example.text) for example in configured}
    if builtin_examples:
        known = {name: well_known(name) for name in workflows}
        shipped = [Example(t, name) for name, well in known.items() if well for t in builtin(well)]
        if shipped:
            wanted = [each.text for each in found.values() if each.workflow and not each.counter]
            own = {name: workflows[name].task_patterns for name, well in known.items() if not well}
            shipped += [Example(text, None) for text in _foreign(builtin("none"), wanted, Patterns(own))]
        for example in shipped:
            if same(example.text) not in settled:
                take(replace(example, origin="shipped"))
    return list(found.values())


def _foreign(none: Sequence[str], wanted: Sequence[str], own: Patterns) -> list[str]:
    """Return the shipped sentences that belong to none of the well-known workflows, but for those that are
    like what somebody has a workflow for, by its examples or its patterns."""
    none = [text for text in none if not own.matching(text)]
    if not wanted:
        return none
    index = HashedIndex([*wanted, *none])
    return [text for text in none if max(index.similarities(text)[: len(wanted)]) < ALIKE]
