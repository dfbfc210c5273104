"""What happened to this console and its daemon since it was opened: the console's own log."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import ClassVar

from textual.app import ComposeResult

from mindbot_tui.cells import clock
from mindbot_tui.keymap import bindings
from mindbot_tui.screens.filtered_view import FilteredView
from mindbot_tui.state.notices import Notice, Notices
from mindbot_tui.widgets.columns import Cell, Column
from mindbot_tui.widgets.rows import Rows

_KINDS: dict[str, Cell] = {"ok": ("✓", "ok"), "warn": ("!", "wait"), "bad": ("✗", "bad")}


class Events(FilteredView):
    view: ClassVar[str] = "events"
    heading: ClassVar[str] = "Events"
    contexts: ClassVar[tuple[str, ...]] = ("events", "list", "filtered", "live")
    BINDINGS = bindings("events", "list", "filtered", "live")  # type: ignore[assignment]

    def body(self) -> ComposeResult:
        columns = [
            Column[Notice]("TIME", lambda notice: (clock(notice.at), "dim"), 8),
            Column[Notice]("", lambda notice: _KINDS[notice.kind], 1),
            Column[Notice]("TEXT", self._text),
        ]
        self._source = NoticeRows(self.console.state.notices)
        self._rows = Rows(self._source, columns, follows=True, empty="nothing has happened yet")
        yield self.filter_bar()
        yield self._rows

    def _text(self, notice: Notice) -> Cell:
        return notice.said(self.console.words), "bad" if notice.kind == "bad" else "text"

    @property
    def rows(self) -> Rows[Notice]:
        return self._rows

    def record(self, row: Notice) -> Mapping[str, str]:
        """Its words, in the language in use."""
        return {"words": row.said(self.console.words)}

    def use(self, keep: Callable[[Notice], bool] | None) -> None:
        self._source.use(keep)
        known = self._source.known
        self._rows.empty = "nothing has happened yet" if keep is None else self.nothing_matches(known)
        self._rows.follow.resume()
        self._rows.sync(force=True)

    def count(self) -> tuple[int, int, bool]:
        return len(self._source), self._source.known, False

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
        self._keep: Callable[[Notice], bool] | None = None
        self._rows: list[tuple[int, Notice]] = []  # each with its place
        self._end = -1
        self.known = 0

    def use(self, keep: Callable[[Notice], bool] | None) -> None:
        """Show only those that a predicate keeps; None shows all."""
        self._keep = keep
        self._end = -1

    def __len__(self) -> int:
        return len(self._rows)

    def row(self, index: int) -> Notice:
        return self._rows[index][1]

    def place(self, index: int) -> int:
        return self._rows[index][0]

    def index_of(self, place: int) -> int:
        return bisect_left(self._rows, place, key=itemgetter(0))

    def sync(self) -> bool:
        if self._end == self._notices.count:
            return False
        found, self._end = self._notices.since(0), self._notices.count
        self.known = len(found)
        first = self._end - self.known
        keep = self._keep
        self._rows = [
            (place, notice) for place, notice in enumerate(found, first) if keep is None or keep(notice)
        ]
        return True
