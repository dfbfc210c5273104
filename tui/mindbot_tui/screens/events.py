"""What happened to this console and its daemon since it was opened: the console's own log."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult

from mindbot_tui.cells import clock
from mindbot_tui.keymap import bindings
from mindbot_tui.screens.view import View
from mindbot_tui.state.notices import Notice, Notices
from mindbot_tui.widgets.columns import Cell, Column
from mindbot_tui.widgets.rows import Rows

_KINDS: dict[str, Cell] = {"ok": ("✓", "ok"), "warn": ("!", "wait"), "bad": ("✗", "bad")}


class Events(View):
    view: ClassVar[str] = "events"
    heading: ClassVar[str] = "Events"
    contexts: ClassVar[tuple[str, ...]] = ("events", "list", "live")
    BINDINGS = bindings("events", "list", "live")  # type: ignore[assignment]

    def body(self) -> ComposeResult:
        columns = [
            Column[Notice]("TIME", lambda notice: (clock(notice.at), "dim"), 8),
            Column[Notice]("", lambda notice: _KINDS[notice.kind], 1),
            Column[Notice]("TEXT", self._text),
        ]
        source = NoticeRows(self.console.state.notices)
        self._rows = Rows(source, columns, follows=True, empty="nothing has happened yet")
        yield self._rows

    def _text(self, notice: Notice) -> Cell:
        return notice.said(self.console.words), "bad" if notice.kind == "bad" else "text"

    @property
    def rows(self) -> Rows[Notice]:
        return self._rows

    @property
    def complete(self) -> bool:
        return True

    def _ask_again(self) -> None:
        """Everything that is shown is here."""

    @property
    def opens(self) -> bool:
        return self._rows.selected is not None

    async def open(self) -> None:
        """Show the whole text, which may be longer than a line."""
        if (found := self._rows.selected) is not None:
            self.console.show_page(clock(found.at), found.said(self.console.words))

    @property
    def copies(self) -> str:
        return self._rows.selected.said(self.console.words) if self._rows.selected else ""

    def on_rows_opened(self) -> None:
        self.console.run_command("open")


class NoticeRows:
    """A source of notices; a place is the number of a notice since the start."""

    def __init__(self, notices: Notices) -> None:
        self._notices = notices
        self._rows: list[Notice] = []
        self._end = -1

    def __len__(self) -> int:
        return len(self._rows)

    def row(self, index: int) -> Notice:
        return self._rows[index]

    def place(self, index: int) -> int:
        return self._end - len(self._rows) + index

    def index_of(self, place: int) -> int:
        return min(max(place - self.place(0), 0), len(self._rows))

    def sync(self) -> bool:
        if self._end == self._notices.count:
            return False
        self._rows, self._end = self._notices.since(0), self._notices.count
        return True
