"""The debugger: turns that stand still, where each stands, what it consists of, and what it would send."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.containers import Container, Vertical

from mindbot.api import calls, debug_calls
from mindbot.api.debug_models import ParkedView, ScopesView
from mindbot.api.models import TurnView
from mindbot.api.shown_debugger import stack
from mindbot.domain.errors import Conflict, Forbidden, MindBotError, NotFound
from mindbot_tui.conversation import Conversation
from mindbot_tui.keymap import bindings
from mindbot_tui.screens.view import View
from mindbot_tui.state.phone import exchange
from mindbot_tui.state.stops import stop_of
from mindbot_tui.state.would_send import would_send
from mindbot_tui.widgets.parked_list import Onion, StoppedLine, parked_columns
from mindbot_tui.widgets.phone import Phone
from mindbot_tui.widgets.rows import Rows
from mindbot_tui.widgets.sources import GivenRows
from mindbot_tui.widgets.tabs import Tabs
from mindbot_tui.widgets.text import Text, json_colours, plain

SCOPES = ("message", "route", "context", "prompt", "answer", "reply", "variables")


class Debugger(View):
    view: ClassVar[str] = "debugger"
    heading: ClassVar[str] = "Debugger"
    contexts: ClassVar[tuple[str, ...]] = ("debugger", "stopped", "turns", "parked", "list")
    BINDINGS = bindings("debugger", "stopped", "turns", "parked", "list")  # type: ignore[assignment]
    every: ClassVar[float] = 2.0

    tabs = SCOPES

    def __init__(self) -> None:
        super().__init__()
        self._seen = -1  # what happened in the debugger when the daemon was asked
        self._scopes: ScopesView | None = None
        self._around: list[TurnView] = []
        self._talk: Conversation | None = None
        self._refused = ""  # why its scopes are not shown

    # --- what is selected

    @property
    def rows(self) -> Rows[StoppedLine]:
        return self._rows

    @property
    def turn(self) -> str:
        return self._rows.selected.parked.turn if self._rows.selected else ""

    @property
    def session(self) -> str:
        return self._rows.selected.parked.session if self._rows.selected else ""

    @property
    def scope(self) -> str:
        """The scope that is shown."""
        return self._tabs.chosen

    @property
    def spot(self) -> str:
        return f"{self.turn} {self.scope}"

    def reach(self, spot: str) -> None:
        turn, _, scope = spot.partition(" ")
        turns = [line.parked.turn for line in self._source.rows]
        if turn in turns:
            self._rows.select(turns.index(turn))
        self.show_tab(scope)

    @property
    def text(self) -> Text:
        return self._text

    @property
    def text_name(self) -> str:
        return f"turn-{self.turn}-{self.scope}"

    async def open(self) -> None:
        """Open the turn with its steps, or the scope as a whole where the reader is in it."""
        if self._text.has_focus:
            title = f"{self.console.words('Turn {id}', id=self.turn)} · {self.console.words(self.scope)}"
            self.console.show_page(title, self._text.whole, json=self._text.suffix == ".json")
        else:
            await super().open()

    # --- drawing

    def body(self) -> ComposeResult:
        state, words = self.console.state, self.console.words
        self._source: GivenRows[StoppedLine] = GivenRows()
        self._rows = Rows(
            self._source,
            parked_columns(state.clock, words),
            empty="asking the daemon …",
            id="parked",
            key=lambda line: line.parked.turn,
        )
        self._onion, self._stack = Onion(id="onion"), Text(id="stack")
        self._stack.can_focus = False
        self._tabs, self._text, self._phone = Tabs(SCOPES), Text(id="scope"), Phone(id="phone")
        yield self._onion
        with Container(id="debugger-panes"):
            with Vertical(id="stopped-pane"):
                yield self._rows
                yield self._stack
            with Vertical(id="scope-pane"):
                yield self._tabs
                yield self._text
            yield self._phone

    def on_mount(self) -> None:
        self.console.state.called("mindbot debug list")

    def nothing(self) -> str:
        words, key = self.console.words, self.console.keymap.first("break")
        return words("no turn is parked: {key} sets a breakpoint", key=key)

    def sync(self) -> None:
        self._await(self._rows)
        super().sync()

    def _ask_again(self) -> None:
        state = self.console.state
        if state.link.attached and not self._asking and self._seen != state.stops.revision:
            self.reload()
        else:
            super()._ask_again()

    def tick(self) -> None:
        self._rows.refresh_changed()

    def speak(self) -> None:
        super().speak()
        self._put()

    def show_tab(self, name: str) -> None:
        self._tabs.put(name)
        self._put()

    def on_tabs_chosen(self, event: Tabs.Chosen) -> None:
        self.show_tab(event.name)

    def on_rows_moved(self) -> None:
        if self._scopes is not None and self._scopes.turn != self.turn:
            self._scopes = None
            self._put()
            self.reload()

    def on_rows_opened(self) -> None:
        self.console.run_command("open")

    def show_phone(self) -> None:
        """Show what would be sent beside the scopes, or in their place; and back."""
        self.toggle_class("-phone")
        if not self.has_class("-phone") and self._phone.has_focus:
            self._rows.focus()
        self.reload()

    # --- asking

    async def load(self) -> None:
        api, stops = self.console.api, self.console.state.stops
        seen = stops.revision
        found = await api.ask(debug_calls.parked())
        stops.put(map(stop_of, found))
        self._seen = stops.revision if stops.revision - seen <= 1 else seen
        lines = self._lines(found)
        self._rows.rearrange(lambda: self._source.put(lines))
        await self._load_scopes()
        self._put()

    def _lines(self, found: Sequence[ParkedView]) -> list[StoppedLine]:
        """Return those that are parked, and the selected one also when it goes on: one looks where to."""
        lines = [StoppedLine(each) for each in found]
        kept = self._rows.selected
        if kept is None or any(each.turn == kept.parked.turn for each in found):
            return lines
        row = self.console.state.turns.get(kept.parked.turn)
        state = "running" if row is None or row.state == "parked" else row.state
        lines.insert(min(self._rows.cursor, len(lines)), StoppedLine(kept.parked, state))
        return lines

    async def _load_scopes(self) -> None:
        turn, api = self.turn, self.console.api
        if not turn:
            self._scopes = None
            return
        try:
            found = await api.ask(debug_calls.scopes(turn))
        except (NotFound, Conflict):
            return  # it is over: what was known of it last stays
        except Forbidden as error:  # for viewers
            self._refused = str(error)
            return
        if turn == self.turn:
            self._scopes = found
        if self.has_class("-phone"):
            await self._load_talk(turn)

    async def _load_talk(self, turn: str) -> None:
        if self._talk is None:
            self._talk = Conversation(self.console.api)
        try:
            self._around = await self._talk.around(await self.console.api.ask(calls.turn(turn)))
        except MindBotError as error:
            self.console.state.note("bad", str(error))

    # --- showing

    def _put(self) -> None:
        line, words, scopes = self._rows.selected, self.console.words, self._scopes
        self._onion.put(line)
        self._stack.put("\n".join(stack(line.parked)) if line is not None else "", stays=True)
        if scopes is None or line is None:
            self._text.put((self._refused or words("asking the daemon …")) if line is not None else "")
            self._phone.put([], 0)
            return
        value = scopes.scopes.get(self.scope)
        text, is_json = shown(value)
        self._text.put(text or words("nothing"), colour=json_colours if is_json else plain, stays=True)
        if self.has_class("-phone"):
            self._put_phone(scopes)

    def _put_phone(self, scopes: ScopesView) -> None:
        words = self.console.words
        earlier = [each for each in self._around if each.id < scopes.turn]
        here = next((each for each in self._around if each.id == scopes.turn), None)
        bubbles = [bubble for each in earlier for bubble in exchange(each, say=words)]
        if here is not None:
            bubbles += would_send(here, scopes.scopes, words)
        self._phone.put(bubbles, len(bubbles))


def shown(value: Any) -> tuple[str, bool]:
    """Return a scope as a text, and whether it is JSON: a prompt is told as a talk."""
    if value in (None, "", [], {}):
        return "", False
    if isinstance(value, str):
        return value, False
    if isinstance(value, list) and all(isinstance(each, dict) and "role" in each for each in value):
        return "\n\n".join(f"{each['role']}: {each.get('content') or ''}" for each in value), False
    return json.dumps(value, ensure_ascii=False, indent=2), True
