"""Workflows: how they are, off and on, tests and runs by hand, what they did."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mindbot.config.workflows import COZE_KINDS, WorkflowSettings
from mindbot.domain.errors import Conflict, NotFound
from mindbot.domain.shapes.daemon import CheckJson
from mindbot.domain.shapes.workflows import WorkflowDayJson, WorkflowJson, WorkflowRunJson
from mindbot.runtime.generation import Generation


class WorkflowResource:
    """Answers ``/v1/workflows``. ``current`` returns the generation in force.

    Nothing runs workflows yet: they are told of as configured, and all of them are disabled.
    """

    def __init__(self, current: Callable[[], Generation]) -> None:
        self._current = current

    async def workflows(self) -> list[WorkflowJson]:
        """Return each as the configuration has it."""
        config = self._current().loaded.config
        return [_row(name, entry, config.budgets.currency) for name, entry in config.workflows.items()]

    async def workflow(self, name: str) -> WorkflowJson:
        """Return one; raises NotFound."""
        found = await self.workflows()
        for each in found:
            if each["name"] == name:
                return each
        there = ", ".join(each["name"] for each in found) or "none"
        raise NotFound(f"no workflow named {name!r}", hint=f"there are: {there}")

    async def switch(self, name: str, on: bool) -> WorkflowJson:
        """Raise NotFound, Conflict."""
        raise await self._unable(name)

    async def test(self, name: str) -> list[CheckJson]:
        """Raise NotFound, Conflict."""
        raise await self._unable(name)

    async def run(self, name: str, text: str, user: str, inputs: Mapping[str, Any]) -> WorkflowRunJson:
        """Raise NotFound, Conflict."""
        raise await self._unable(name)

    async def compare(self, names: Sequence[str], text: str) -> list[WorkflowRunJson]:
        """Raise NotFound, Conflict."""
        raise await self._unable(*names)

    async def stats(self, days: int) -> list[WorkflowDayJson]:
        """Return nothing: nothing ran."""
        return []

    async def _unable(self, *names: str) -> Conflict:
        for name in names:
            await self.workflow(name)
        return Conflict("nothing that is installed runs workflows", hint="see: mindbot status")


def _row(name: str, entry: WorkflowSettings, currency: str) -> WorkflowJson:
    return {
        "name": name,
        "type": entry.type,
        "description": entry.description,
        "state": "disabled",
        "enabled": entry.enabled,
        "endpoint": entry.base_url if entry.type in COZE_KINDS else entry.dify_endpoint,
        "priority": entry.priority,
        "examples": len(entry.examples),
        "patterns": len(entry.task_patterns),
        "threshold": entry.threshold,
        "timeout": entry.timeout,
        "max_retries": entry.max_retries,
        "in_flight": 0,
        "waiting": 0,
        "concurrency": entry.concurrency,
        "replicas": [],
        "split": entry.split,
        "shadow": entry.shadow,
        "fallback": list(entry.fallback),
        "runs_today": 0,
        "failed_today": 0,
        "recovered_today": 0,
        "shadow_today": 0,
        "success": None,
        "latency": None,
        "latencies": [],
        "satisfaction": None,
        "money_today": 0.0,
        "tokens_today": 0,
        "currency": currency,
        "errors": [],
    }
