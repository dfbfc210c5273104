"""Workflows: how they are, off and on, tests and runs by hand, what they did."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import anyio

from mindbot.domain.errors import Conflict, Invalid
from mindbot.domain.shapes.daemon import CheckJson
from mindbot.domain.shapes.workflows import ShadowJson, WorkflowDayJson, WorkflowJson, WorkflowRunJson
from mindbot.runtime.generation import Generation
from mindbot.telemetry.redaction import told_in
from mindbot.workflows.manager import Workflows
from mindbot.workflows.router.examples import ExampleCounts
from mindbot.workflows.running.aside import message_of, run_aside
from mindbot.workflows.running.shadows import Shadows
from mindbot.workflows.stats import KEPT_DAYS
from mindbot.workflows.status import status_of

_OPERATOR = "operator"  # the vendor's user where none is named


class WorkflowResource:
    """Answers ``/v1/workflows``. ``current`` returns the generation in force."""

    def __init__(self, current: Callable[[], Generation], shadows: Shadows) -> None:
        self._current = current
        self._shadows = shadows

    @property
    def _workflows(self) -> Workflows:
        return self._current().workflows

    @property
    def _currency(self) -> str:
        return self._current().loaded.config.budgets.currency

    async def workflows(self) -> list[WorkflowJson]:
        """Return how each configured workflow is."""
        current, currency = self._current(), self._currency
        examples = await current.router.examples()
        return [
            status_of(current.workflows, name, examples.get(name, ExampleCounts()), currency)
            for name in current.workflows.settings
        ]

    async def workflow(self, name: str) -> WorkflowJson:
        """Return how one is; raises NotFound."""
        current = self._current()
        examples = (await current.router.examples()).get(name, ExampleCounts())
        return status_of(current.workflows, name, examples, self._currency)

    async def switch(self, name: str, on: bool) -> WorkflowJson:
        """Switch one off, or on again, until somebody does the contrary, also over restarts.

        Switching on also lets apps that were left alone be asked again.

        Raises:
            NotFound: none has that name.
            Conflict: the configuration disables it.
            StoreError: it is not on disk, and not done.
        """
        workflows = self._workflows
        if on and not workflows.get(name).enabled:
            hint = f"set workflows.{name}.enabled: true and reload"
            raise Conflict(f"the configuration disables the workflow {name!r}", hint=hint)
        workflows.get(name)
        await workflows.standing.switch(name, on=on)
        if on:
            workflows.standing.forgive(workflows.members[name])
            await workflows.standing.save()
        return await self.workflow(name)

    async def test(self, name: str) -> list[CheckJson]:
        """Prove step by step that each app of one can be asked, without a run; raises NotFound, Conflict."""
        workflows = self._workflows
        self._enabled(name)
        rows: list[CheckJson] = []
        members = [member for member in workflows.members[name] if member.enabled]
        for member in members:
            for check in await workflows.app(member, aside=True).check():
                row = told_in(check.to_json())
                if len(members) > 1:
                    row["name"] = f"{member.replica or 'app'}: {row['name']}"
                rows.append(row)
        return rows

    async def run(self, name: str, text: str, user: str, inputs: Mapping[str, Any]) -> WorkflowRunJson:
        """Run one by hand; nobody else sees it. Raises NotFound, Conflict."""
        self._enabled(name)
        user = user or _OPERATOR
        return await run_aside(self._workflows, name, message_of(text, user), user=user, inputs=inputs)

    async def compare(self, names: Sequence[str], text: str) -> list[WorkflowRunJson]:
        """Run several with one text, side by side; raises NotFound, Conflict, Invalid."""
        if len(names) < 2:
            raise Invalid("one workflow is nothing to compare", hint="name two or more")
        if len(set(names)) < len(names):
            raise Invalid("a workflow stands twice among those to compare")
        for name in names:
            self._enabled(name)
        made: dict[str, WorkflowRunJson] = {}

        async def one(name: str) -> None:
            made[name] = await self.run(name, text, "", {})

        async with anyio.create_task_group() as tasks:
            for name in names:
                tasks.start_soon(one, name)
        return [made[name] for name in names]

    async def shadows(self, workflow: str, limit: int) -> list[ShadowJson]:
        """Return what was answered in the shadow, the newest first; raises NotFound, StoreError."""
        if workflow:
            self._workflows.get(workflow)
        found: list[ShadowJson] = told_in(await self._shadows.pairs(workflow, limit))
        return found

    async def stats(self, days: int) -> list[WorkflowDayJson]:
        """Return what each did in the last ``days``, the newest first; raises Invalid, StoreError."""
        if not 1 <= days <= KEPT_DAYS:
            raise Invalid(f"{days} days", hint=f"sums are kept for {KEPT_DAYS}")
        return await self._workflows.standing.stats.rows(days, self._currency)

    def _enabled(self, name: str) -> None:
        if not self._workflows.get(name).enabled:
            hint = f"set workflows.{name}.enabled: true and reload"
            raise Conflict(f"the configuration disables the workflow {name!r}", hint=hint)
