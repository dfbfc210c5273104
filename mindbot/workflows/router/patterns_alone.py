"""Chooses by patterns alone: the workflow of the lowest priority number that has one in the text."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from mindbot.config.model import Config
from mindbot.domain.routing import Nearest, RouteQuestion, WorkflowCandidate
from mindbot.workflows.router.conditions import compiled


@dataclass(frozen=True, slots=True)
class ByPatterns:
    """What a text was found to be about."""

    workflow: str | None
    confidence: float
    why: str
    candidates: tuple[WorkflowCandidate, ...] = ()
    nearest: tuple[Nearest, ...] = ()
    mode: str = "patterns"
    threshold: float = 0.0
    margin: float = 0.0


class PatternsAlone:
    """See the module."""

    mode = "patterns"

    def __init__(self, config: Config) -> None:
        self._patterns = {
            name: [(pattern, compiled(pattern)) for pattern in settings.task_patterns]
            for name, settings in config.workflows.items()
        }
        self._priority = {name: settings.priority for name, settings in config.workflows.items()}

    async def classify(self, asked: RouteQuestion, among: Collection[str]) -> ByPatterns:
        """Return what the text of a message is about."""
        text = asked.text.encode("utf-8", "replace")
        found: dict[str, tuple[str, ...]] = {}
        for name in among:
            if matched := tuple(p for p, search in self._patterns[name] if search.search(text) is not None):
                found[name] = matched
        candidates = tuple(
            WorkflowCandidate(name, 1.0, {"pattern": 1.0}, patterns=found[name])
            for name in sorted(found, key=lambda name: self._priority[name])
        )
        if not candidates:
            return ByPatterns(None, 0.0, "no pattern of a workflow is in the text")
        first = candidates[0]
        why = f"the pattern {first.patterns[0]} of {first.workflow} is in the text"
        return ByPatterns(first.workflow, 1.0, why, candidates)
