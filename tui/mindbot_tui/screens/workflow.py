"""One workflow: its apps and their breakers, how it is chosen, what it did by day, and its late errors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from mindbot.api import workflow_calls as calls
from mindbot.api.shown_workflows import day, facts, late_runs_failed
from mindbot.api.workflow_models import RunErrorView, WorkflowDayView, WorkflowView
from mindbot_tui.cells import brief, clock
from mindbot_tui.keymap import bindings
from mindbot_tui.screens.subject import Subject
from mindbot_tui.widgets.columns import Column
from mindbot_tui.widgets.workflow_list import run_error_columns

_DAYS = 7


class WorkflowScreen(Subject[RunErrorView]):
    view: ClassVar[str] = "workflow"
    contexts: ClassVar[tuple[str, ...]] = ("workflows", "list")
    BINDINGS = bindings("workflows", "list")  # type: ignore[assignment]

    _workflow: WorkflowView | None = None
    _days: Sequence[WorkflowDayView] = ()

    @property
    def title_text(self) -> str:
        return self.console.words("Workflow {name}", name=brief(self._called, 40))

    @property
    def workflow(self) -> WorkflowView | None:
        return self._workflow

    async def ask(self) -> Sequence[RunErrorView]:
        api = self.console.api
        self._workflow = await api.ask(calls.workflow(self._called))
        days = await api.ask(calls.workflow_stats(_DAYS))
        self._days = [each for each in days if each.workflow == self._called]
        return late_runs_failed(self._workflow)

    def facts(self) -> Iterator[tuple[str, str]]:
        words = self.console.words
        if self._workflow is not None:
            yield from facts(self._workflow, self.console.state.clock(), words)
            for n, each in enumerate(self._days):
                yield "" if n else words("by day"), f"{each.day}: {day(each, words)}"

    def error_columns(self) -> Sequence[Column[RunErrorView]]:
        return run_error_columns(self.console.state.clock)

    def why(self, error: RunErrorView) -> str:
        return error.why

    @property
    def turn(self) -> str:
        """The turn whose run failed; a run by hand has none."""
        return self._rows.selected.turn if self._rows.selected else ""

    async def open(self) -> None:
        """Open the turn of the selected error; one without a turn is shown whole."""
        found = self._rows.selected
        if found is None:
            return
        if found.turn:
            await self.console.open_turn(found.turn)
            return
        title = self.console.words("{kind} at {time}", kind=brief(found.kind), time=clock(found.ts))
        self.console.show_page(title, "\n".join(self._whole(found)))

    def _whole(self, error: RunErrorView) -> Iterator[str]:
        words = self.console.words
        if error.replica:
            yield words("app: {name}", name=error.replica)
        if error.node:
            yield words("node: {name}", name=error.node)
        yield ""
        yield error.why
