"""One turn: its stages, its steps and their times, and every text that went in or out."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Container, Vertical

from mindbot.api import calls
from mindbot.api.models import TurnView
from mindbot.domain.turn import DONE_STATES
from mindbot_tui.keymap import bindings
from mindbot_tui.screens.view import View
from mindbot_tui.state.parts import NAMES, part
from mindbot_tui.state.steps import Step, stages, steps
from mindbot_tui.widgets.rows import Rows
from mindbot_tui.widgets.sources import GivenRows
from mindbot_tui.widgets.tabs import Tabs
from mindbot_tui.widgets.text import Text, json_colours, plain
from mindbot_tui.widgets.turn_parts import Stages, TurnHead, step_columns

OPEN_EVERY = 0.5  # seconds between looks at a turn that still runs


class TurnScreen(View):
    view: ClassVar[str] = "turn"
    contexts: ClassVar[tuple[str, ...]] = ("turn",)
    BINDINGS = bindings("turn")  # type: ignore[assignment]

    part_names = NAMES

    def __init__(self, id: str) -> None:
        super().__init__()
        self._open = id
        self._turn: TurnView | None = None
        self._state = ""

    @property
    def title_text(self) -> str:
        return self.console.words("Turn {id}", id=self._open)

    @property
    def turn(self) -> str:
        return self._open

    @property
    def subject(self) -> str:
        return self._open

    @property
    def spot(self) -> str:
        return f"{self._rows.cursor} {self._parts.chosen}"

    def reach(self, spot: str) -> None:
        cursor, _, part = spot.partition(" ")
        self._rows.select(int(cursor))
        self.show_part(part)

    @property
    def rows(self) -> Rows[Step]:
        return self._rows

    def body(self) -> ComposeResult:
        self._steps: GivenRows[Step] = GivenRows()
        self._rows = Rows(self._steps, step_columns(), empty="no steps are known", id="steps")
        self._parts = Tabs(NAMES)
        self._text = Text(id="text")
        self._head, self._stages = TurnHead(), Stages()
        yield self._head
        yield self._stages
        with Container(id="turn-panes"):
            yield self._rows
            with Vertical(id="part-pane"):
                yield self._parts
                yield self._text

    def show(self, id: str) -> None:
        """Show another turn in this view, at the same part."""
        self._open = id
        self._turn = None
        self.reload()

    def show_part(self, name: str) -> None:
        """Show a part by its name, or the ``next`` or ``previous`` one."""
        self._parts.put(name)
        self._put_part()

    async def load(self) -> None:
        id = self._open
        found = await self.console.api.ask(calls.turn(id))
        if id != self._open:
            return  # the reader has gone on
        self._turn, self._state = found, found.state
        self._head.put(found)
        self._stages.put(stages(found.spans))
        self._steps.put(steps(found))
        self._rows.sync(force=True)
        self._put_part()

    def _ask_again(self) -> None:
        """A turn that is done changes no more; an open one is looked at again and again."""
        state = self.console.state
        row = state.turns.get(self._open)
        changed = row is not None and row.state != self._state
        late = self._state not in DONE_STATES and state.clock() - self._asked > OPEN_EVERY
        if state.link.attached and not self._asking and (late or changed):
            self.reload()

    def _put_part(self) -> None:
        if self._turn is None:
            return
        step = self._rows.selected
        found = part(self._turn, self._parts.chosen, step.data if step else None)
        self._text.put(
            found.text or self.console.words("nothing"), colour=json_colours if found.json else plain
        )

    def on_rows_moved(self) -> None:
        if self._parts.chosen == "step":
            self._put_part()

    def on_rows_opened(self) -> None:
        self.show_part("step")

    def on_tabs_chosen(self, event: Tabs.Chosen) -> None:
        self.show_part(event.name)
