"""Workflows and how they are; of the selected one everything that is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from mindbot.api import workflow_calls as calls
from mindbot.api.calls import ApiCall
from mindbot.api.shown_workflows import facts
from mindbot.api.workflow_models import WorkflowView
from mindbot.filters.fields import FieldSet
from mindbot_tui.keymap import bindings
from mindbot_tui.screens.facts_table import FactsTable
from mindbot_tui.state.list_fields import WORKFLOW_FIELDS
from mindbot_tui.widgets.columns import Column
from mindbot_tui.widgets.workflow_list import workflow_columns


class Workflows(FactsTable[WorkflowView]):
    view: ClassVar[str] = "workflows"
    heading: ClassVar[str] = "Workflows"
    contexts: ClassVar[tuple[str, ...]] = ("workflows", "list", "filtered")
    BINDINGS = bindings("workflows", "list", "filtered")  # type: ignore[assignment]
    cli: ClassVar[str] = "mindbot workflow list"
    empty: ClassVar[str] = "no workflows are configured"
    fields: ClassVar[FieldSet] = WORKFLOW_FIELDS

    def columns(self) -> Sequence[Column[WorkflowView]]:
        return workflow_columns(self.console.state.clock, lambda: self.console.words)

    def facts(self, row: WorkflowView) -> Iterable[tuple[str, str]]:
        return facts(row, self.console.state.clock(), self.console.words)

    def call(self) -> ApiCall[list[WorkflowView]]:
        return calls.workflows()

    def key(self, row: WorkflowView) -> str:
        return row.name

    @property
    def workflow(self) -> WorkflowView | None:
        return self._rows.selected

    @property
    def opens(self) -> bool:
        return self.workflow is not None

    async def open(self) -> None:
        if self.workflow is not None:
            await self.console.open_workflow(self.workflow.name)

    def on_rows_opened(self) -> None:
        self.console.run_command("open")

    @property
    def copies(self) -> str:
        return self.workflow.name if self.workflow else ""
