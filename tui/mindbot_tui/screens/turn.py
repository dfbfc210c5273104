"""One turn: its stages, its steps and their times, and every text that went in or out."""

from __future__ import annotations

from contextlib import aclosing
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.containers import Container, Vertical

from mindbot.api import calls
from mindbot.api.models import TurnView
from mindbot.api.stream import Batch
from mindbot.domain.errors import MindBotError
from mindbot.domain.turn import DONE_STATES
from mindbot_tui.cells import clock, took
from mindbot_tui.keymap import bindings
from mindbot_tui.screens.view import View
from mindbot_tui.state.files import TurnFile, files_of, missing
from mindbot_tui.state.live_turn import TOPICS, LiveTurn
from mindbot_tui.state.parts import NAMES, part
from mindbot_tui.state.steps import (
    Axis,
    Folds,
    Step,
    all_spans,
    asked,
    axis,
    culprit,
    stages,
    steps,
    under_way,
)
from mindbot_tui.widgets.phone_pane import PhonePane
from mindbot_tui.widgets.rows import Rows
from mindbot_tui.widgets.sources import GivenRows
from mindbot_tui.widgets.step_text import growing, step_colours, step_text
from mindbot_tui.widgets.tabs import Tabs
from mindbot_tui.widgets.text import Text, json_colours, plain
from mindbot_tui.widgets.turn_parts import Stages, TurnHead, step_columns

OPEN_EVERY = 2.0  # seconds between looks at a turn that still runs: the stream tells of its steps,
STALE_EVERY = 0.5  # but not of all that they noted


class TurnScreen(View):
    view: ClassVar[str] = "turn"
    contexts: ClassVar[tuple[str, ...]] = ("turn", "turns", "parked", "stopped", "text")
    BINDINGS = bindings("turn", "turns", "parked", "stopped", "text")  # type: ignore[assignment]

    part_names = NAMES

    def __init__(self, id: str) -> None:
        super().__init__()
        self._begin(id)

    def _begin(self, id: str) -> None:
        self._open = id
        self._live = LiveTurn(id)
        self._folds = Folds()
        self._axis = Axis()
        self._shown = self._said = -1  # the changes that are drawn, of its steps and of its text
        self._seen: object = None  # what the list said of it when the daemon was asked
        self._linked = -1
        self._listening = False
        self._led = 0  # the step that the reader was led to

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
    def text(self) -> Text:
        return self._text

    @property
    def text_name(self) -> str:
        return f"turn-{self._open}-{self._parts.chosen}"

    @property
    def rows(self) -> Rows[Step]:
        return self._rows

    @property
    def files(self) -> list[TurnFile]:
        return files_of(self._live.view) if self._live.view is not None else []

    @property
    def missing_file(self) -> str:
        return missing(self._live.view) if self._live.view is not None else ""

    def body(self) -> ComposeResult:
        self._steps: GivenRows[Step] = GivenRows()
        columns = step_columns(lambda: self._axis, lambda: self.console.words)
        self._rows = Rows(self._steps, columns, empty="no steps are known", id="steps")
        self._parts = Tabs(NAMES)
        self._free = True  # the reader has not chosen a part: what becomes of the turn leads to one
        self._text = Text(id="text")
        self._head, self._stages, self._phone = TurnHead(), Stages(), PhonePane(id="phone")
        yield self._head
        yield self._stages
        with Container(id="turn-panes"):
            yield self._rows
            with Vertical(id="part-pane"):
                yield self._parts
                yield self._text
            yield self._phone

    def show(self, id: str) -> None:
        """Show another turn in this view, at the same part."""
        self.workers.cancel_group(self, "listen")
        self._begin(id)
        self.reload()

    def show_part(self, name: str) -> None:
        """Show a part by its name, or the ``next`` or ``previous`` one."""
        if name == "step" and self._text.has_focus:
            self._open_text()
            return
        self._free = False
        self._parts.put(name)
        self._put_part()

    def _open_text(self) -> None:
        """Show the whole text on a page."""
        title = f"{self.title_text} · {self.console.words(self._parts.chosen)}"
        self.console.show_page(title, self._text.whole, json=self._text.suffix == ".json")

    def fold(self) -> None:
        """Fold the selected step, or unfold it."""
        if (step := self._rows.selected) is not None:
            self._folds.turn_over(step)
            self._put_steps()
            self._rows.sync(force=True)
            self._select(step.id)

    # --- the phone

    def show_phone(self) -> None:
        """Show what the user sees beside the trace, or in place of the texts; and back."""
        self.toggle_class("-phone")
        if self.has_class("-phone") and self.has_class("-low"):
            self.call_after_refresh(self._phone.focus)  # it is all that there is room for
        elif self._phone.has_focus or self._text.has_focus:
            self._rows.focus()
        self.sync()

    # --- asking and listening

    async def load(self) -> None:
        live = self._live
        self._seen = self._told()
        live.ask()
        found = await self.console.api.ask(calls.turn(live.id))
        if live is not self._live:
            return  # the reader has gone on
        before = live.view.state if live.view is not None else ""
        live.take(found)
        self._attend(live)
        if not (before and self.console.state.paused):
            self._put()
            if found.state != before:
                self._lead(found, first=not before)

    def _attend(self, live: LiveTurn) -> None:
        """Listen while the turn is open, and no longer: the daemon tells all steps while somebody does."""
        if live.open and not self._listening:
            self._listening = True
            self._listen(live)
        elif self._listening and not live.open:
            self._listening = False
            self.workers.cancel_group(self, "listen")

    @work(group="listen")
    async def _listen(self, live: LiveTurn) -> None:
        """Take in what the stream tells of the turn's inside while it is open."""
        wanted = f'turn == "{live.id}"'
        try:
            async with aclosing(self.console.api.stream(TOPICS, wanted)) as updates:
                async for update in updates:
                    if isinstance(update, Batch):
                        live.apply(update.events)
                    else:
                        self.reload()  # what was told before, or in between, is not known
        except MindBotError as error:  # then it is only asked about
            self.console.state.note("bad", str(error))

    def _told(self) -> object:
        row = self.console.state.turns.get(self._open)
        return row and (row.state, row.delivery)

    def _ask_again(self) -> None:
        """A turn that is done changes only by what becomes of its answer; an open one tells its steps."""
        state = self.console.state
        passed = state.clock() - self._asked
        every = STALE_EVERY if self._live.stale else OPEN_EVERY
        changes = self._live.open or (self._live.view is not None and self._live.view.delivery == "waiting")
        late = (changes or self._why_not) and passed > every
        if state.link.attached and not self._asking and (late or self._told() != self._seen):
            self.reload()

    # --- drawing

    def sync(self) -> None:
        if not self.console.state.paused and (turn := self._live.view) is not None:
            link = self.console.state.link
            if (self._live.revision, link.revision) != (self._shown, self._linked):
                self._put()
            elif self._live.said != self._said and self._parts.chosen == "reply":
                self._put_part()
            if self._runs(turn) and not link.detached:
                self._axis.end = max(self._axis.end, self.console.state.clock())
                self._rows.refresh_changed()
                self._put_head(turn)
            if self.has_class("-phone"):
                self._phone.follow(self._live)
        super().sync()

    def _runs(self, turn: TurnView) -> bool:
        return turn.state not in DONE_STATES or any(step.end is None for step in self._steps.rows)

    def _put(self) -> None:
        """Draw what is known now."""
        turn = self._live.view
        assert turn is not None
        self._shown, self._linked = self._live.revision, self.console.state.link.revision
        self._put_head(turn)
        self._stages.put(stages(self._live.spans))
        selected = self._rows.selected
        self._put_steps()
        self._rows.sync(force=True)
        if selected is not None:
            self._select(selected.id)
        self._put_part()

    def _put_head(self, turn: TurnView) -> None:
        runs, state = turn.state not in DONE_STATES, self.console.state
        seconds = max(state.known_at() - turn.received, 0.0) if runs else turn.took_ms / 1000
        as_of = clock(state.link.since) if runs and state.link.detached else ""
        self._head.put(turn, took(seconds), asked(self._live.spans), as_of)

    def _put_steps(self) -> None:
        turn = self._live.view
        assert turn is not None
        spans = all_spans(turn, self._live.spans)
        state = self.console.state
        self._axis = axis(turn, spans, state.known_at())
        if state.link.detached:
            self._axis.open, self._axis.stands = False, True
        self._steps.put(steps(spans, self._folds))

    def _select(self, id: int) -> None:
        for n, step in enumerate(self._steps.rows):
            if step.id == id and n != self._rows.cursor:
                self._rows.select(n)

    def _lead(self, turn: TurnView, *, first: bool) -> None:
        """Go to what the reader will look for: the step that failed, or the one that runs and the answer that
        grows."""
        spans = all_spans(turn, self._live.spans)
        bad = culprit(turn, spans)
        selected = self._rows.selected
        stayed = first or (selected is not None and selected.id == self._led)
        runs = under_way(spans) if self._live.open and stayed else 0
        if bad and (first or self._free):
            self._select(bad)
        elif runs:
            self._led = runs
            self._select(runs)
        if not self._free:
            return
        if bad:
            self._parts.put("step")
        elif turn.state == "running":
            self._parts.put("reply")
        elif first:
            self._parts.put(NAMES[0])
        self._put_part()

    def _put_part(self) -> None:
        turn = self._live.view
        if turn is None:
            return
        self._said = self._live.said
        chosen, step = self._parts.chosen, self._rows.selected
        if chosen == "step" and step is not None:
            self._text.put(step_text(step), colour=step_colours(step))
            return
        if chosen == "reply" and self._live.open and self._live.saying:
            follows = self._text.scroll_y >= self._text.max_scroll_y - 1
            end = "…" if self.console.state.link.detached else "▌"
            self._text.put(f"{growing(self._live.saying)}{end}", stays=True)
            if follows:
                self._text.scroll_end(animate=False, immediate=True)
            return
        words = self.console.words
        found = part(turn, chosen, fold=lambda size: words(" … {size}, Enter opens", size=size))
        self._text.put(
            found.text or words("nothing"),
            colour=json_colours if found.json else plain,
            unfolded=lambda: part(turn, chosen).text,
        )

    def on_resize(self) -> None:
        self.call_after_refresh(lambda: self._rows.select(self._rows.cursor))  # it stays in sight

    def on_rows_moved(self) -> None:
        if self._parts.chosen == "step":
            self._put_part()

    def on_rows_opened(self) -> None:
        self.show_part("step")

    def on_tabs_chosen(self, event: Tabs.Chosen) -> None:
        self.show_part(event.name)
