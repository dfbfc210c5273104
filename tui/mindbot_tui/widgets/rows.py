"""A list that draws only the lines one sees, whatever it holds: it follows, freezes and selects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Self, TypeVar

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mindbot_tui.cells import fit
from mindbot_tui.state.follow import Follow
from mindbot_tui.widgets.columns import NARROWEST, Column, measure, titled
from mindbot_tui.widgets.marks import Marks
from mindbot_tui.widgets.paint import Painter
from mindbot_tui.widgets.row_lines import RowLines
from mindbot_tui.widgets.sources import GivenRows, Source

R = TypeVar("R")


class Rows(Painter, ScrollView, Generic[R], can_focus=True):
    """The first line holds the titles. Call `sync` from a timer; nothing else changes what is shown."""

    #: Priority bindings, like those of views: Enter in the same breath then opens the line that was reached.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(keys, action, show=False, priority=True)
        for keys, action in (
            ("up,k", "move(-1)"),
            ("down,j", "move(1)"),
            ("pageup,ctrl+b", "page(-1)"),
            ("pagedown,ctrl+f", "page(1)"),
            ("home,g", "top"),
            ("end,G", "bottom"),
        )
    ]
    ALLOW_SELECT = False

    @dataclass
    class Opened(Message):
        """A row was clicked twice."""

        rows: Rows[Any]

    @dataclass
    class Topped(Message):
        """The reader wants to go up from the first row."""

        rows: Rows[Any]

    @dataclass
    class Moved(Message):
        """Another row is selected."""

        rows: Rows[Any]

    def __init__(
        self,
        source: Source[R],
        columns: Sequence[Column[R]],
        *,
        follows: bool = False,
        empty: str = "nothing here yet",
        id: str | None = None,
        titles: bool = True,
        key: Callable[[R], str] | None = None,
        markable: bool = False,
    ) -> None:
        super().__init__(id=id)
        self.source = source
        self.columns = columns
        self.empty = empty
        self.follow = Follow()
        self.follows = follows
        self.marks: Marks[R] = Marks(key, possible=markable)
        self.sorted = ""  # by the column of this title
        self.down = False
        self._widths: dict[str, int] = {}  # that the reader chose
        self._titles = int(titles)
        self._selected: int | None = None  # a place
        self._measured: list[tuple[Column[R], int]] = []
        self._measured_for = -1
        self._drawn: dict[int, Strip] = {}
        self._ready: dict[int, Strip] = {}  # lines that were made to be compared, and are drawn next
        self._lines = RowLines(self.strip)
        self._focus_alone = False  # changed, so that what Textual draws again for that looks the same

    # --- what is shown

    @property
    def shown(self) -> int:
        """How many rows there are, those left out that came since the list was frozen and that nobody sees:
        lines that would be blank are filled."""
        end, known = self.follow.end, len(self.source)
        if end is None or not self.follows:
            return known
        return max(self.source.index_of(end), min(known, self.page))

    @property
    def pending(self) -> int:
        """How many rows have come since the list was frozen."""
        return len(self.source) - self.shown

    @property
    def following(self) -> bool:
        return self.follows and self.follow.on

    @property
    def cursor(self) -> int:
        """The index of the selected row; -1 in an empty list."""
        if not self.shown:
            return -1
        if self.following or self._selected is None:
            return self.shown - 1 if self.following else 0
        return min(self.source.index_of(self._selected), self.shown - 1)

    @property
    def selected(self) -> R | None:
        """The selected row."""
        return self.source.row(self.cursor) if self.cursor >= 0 else None

    @property
    def page(self) -> int:
        return max(self.size.height - self._titles, 1)

    def sync(self, force: bool = False) -> None:
        """Draw again if the source has changed."""
        top = self._top_place()
        if self.source.sync() or force:
            self._show(top)

    def _top_place(self) -> int | None:
        top = round(self.scroll_y)
        return self.source.place(top) if top < len(self.source) else None

    def _show(self, top: int | None = None) -> None:
        size = Size(0, self.shown + self._titles)
        if size != self.virtual_size:
            self.virtual_size = size
        if self.following:
            self.scroll_end(animate=False, immediate=True, force=True)
        elif top is not None and self.follows:
            self._scroll(self.source.index_of(top))  # stay where one is, whatever was dropped above
        self.refresh_changed()

    def refresh_changed(self) -> None:
        """Draw the lines again that look different now: on a slow line every byte counts."""
        width = self.size.width
        made = {y: self._line(y, width) for y in range(self.size.height)}
        lines = [y for y, strip in made.items() if strip != self._drawn.get(y)]
        if len(lines) > self.size.height // 2:
            self.refresh()
            self._ready = made
        elif lines:
            self.refresh(*(Region(0, y, width, 1) for y in lines))
            self._ready = {y: made[y] for y in lines}

    def refresh(
        self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False
    ) -> Self:
        """Draw again: something may have changed since lines were made."""
        if self._focus_alone and not regions:
            self._focus_alone = False
            self.refresh_changed()
            return self
        self._ready = {}
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def on_focus(self) -> None:
        """A list shows neither focus nor its loss, which Textual draws it again for right after this."""
        self._focus_alone = True

    def on_blur(self) -> None:
        """See `on_focus`."""
        self._focus_alone = True

    # --- moving

    def select(self, index: int) -> None:
        """Select a row by its index; moving to the last row follows again."""
        if not self.shown:
            return
        index = max(0, min(index, self.shown - 1))
        if self.follows and index == self.shown - 1 and not self.pending:
            self.follow.resume()
        elif self.follows:
            self.follow.freeze(self.source.place(len(self.source) - 1) + 1)
        self._selected = self.source.place(index)
        top = round(self.scroll_y)
        if index < top:
            self._scroll(index)
        elif index >= top + self.page:
            self._scroll(index - self.page + 1)
        self.refresh()
        self.post_message(self.Moved(self))

    def _scroll(self, y: int) -> None:
        self.scroll_to(y=y, animate=False, immediate=True, force=True)

    def go_on(self) -> None:
        """Follow the end again."""
        self.follow.resume()
        self._show()
        self.post_message(self.Moved(self))

    def action_move(self, by: int) -> None:
        if by > 0 and self.cursor == self.shown - 1 and self.follows:
            self.go_on()
        elif by < 0 and self.cursor <= 0:
            self.post_message(self.Topped(self))
        else:
            self.select(self.cursor + by)

    def action_page(self, by: int) -> None:
        self.action_move(by * max(self.page - 1, 1))

    def action_top(self) -> None:
        self.select(0)

    def action_bottom(self) -> None:
        if self.follows:
            self.go_on()
        else:
            self.select(self.shown - 1)

    # --- marks

    @property
    def marked(self) -> list[R]:
        """The marked rows that are shown, in their order."""
        return [row for row in self._all() if row in self.marks] if len(self.marks) else []

    def _all(self) -> Iterator[R]:
        return (self.source.row(index) for index in range(self.shown))

    def mark(self, by: int = 0) -> None:
        """Mark the selected row or unmark it, and go on to the next; ``by`` 1 or -1: mark it and the one that
        is reached."""
        row = self.selected
        if row is None or not self.marks.possible:
            return
        if by:
            self.marks.add([row])
            self.select(self.cursor + by)
            self.marks.add([self.source.row(self.cursor)])
        else:
            self.marks.toggle(row)
            if self.cursor < self.shown - 1:
                self.select(self.cursor + 1)
        self.refresh_changed()

    def mark_all(self) -> None:
        """Mark all rows that are shown, or none where all are marked."""
        shown = list(self._all())
        if all(row in self.marks for row in shown):
            self.marks.clear()
        else:
            self.marks.add(shown)
        self.refresh_changed()

    def unmark(self) -> None:
        self.marks.clear()
        self.refresh_changed()

    # --- order and widths

    @property
    def sorts(self) -> bool:
        """Whether its order is the reader's to choose."""
        return isinstance(self.source, GivenRows)

    def rearrange(self, change: Callable[[], None]) -> None:
        """Let the rows be others or in another order; the same one stays selected, marks of lost ones go."""
        before = self.selected
        change()
        if isinstance(self.source, GivenRows):
            self.marks.keep(self.source.given)
        self.sync(force=True)
        if before is not None:
            same = (index for index, row in enumerate(self._all()) if self.marks.same(row, before))
            self.select(next(same, self.cursor))

    @property
    def titles(self) -> list[str]:
        """The titles of its columns that are shown."""
        return [column.title for column, _ in self._measured if column.title]

    def sort(self, title: str, *, down: bool = False) -> None:
        """Sort by the column of that title; empty: as it was."""
        source = self.source
        if isinstance(source, GivenRows):
            self.sorted, self.down = title, down
            order = next((column.order for column in self.columns if column.title == title), None)
            self.rearrange(lambda: source.sort(order if title else None, down=down))

    def sort_next(self) -> None:
        """Sort by the next column; after the last one as it was."""
        shown = self.titles
        self.sort(dict(zip(["", *shown], [*shown, ""], strict=True)).get(self.sorted, ""))

    def widen(self, by: int) -> None:
        """Change the width of the column that it is sorted by, or of the first that shares the room."""
        flexible = next((c.title for c, _ in self._measured if c.title and not c.width), "")
        for column, size in self._measured:
            if column.title == (self.sorted or flexible):
                self._widths[column.title] = max(size + by, NARROWEST)
        self._measured_for = -1
        self.refresh()

    # --- the mouse

    @property
    def allow_vertical_scroll(self) -> bool:
        """The wheel works though no bar is drawn, which would take a column and bytes of slow lines."""
        return self.shown > self.page

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """The wheel freezes and resumes like keys do."""
        super().watch_scroll_y(old_value, new_value)
        if not self.follows or not self.is_mounted or round(old_value) == round(new_value):
            return
        at_end = round(new_value) >= round(self.max_scroll_y)
        if self.follow.on and new_value < old_value and not at_end and self.shown:
            self._selected = self.source.place(self.cursor)
            self.follow.freeze(self.source.place(len(self.source) - 1) + 1)
        elif not self.follow.on and new_value > old_value and at_end:
            self.follow.resume()

    def on_click(self, event: events.Click) -> None:
        index = round(self.scroll_y) + event.y - self._titles
        if event.y >= self._titles and index < self.shown:
            self.select(index)
            if event.chain == 2:
                self.post_message(self.Opened(self))
        elif self._is_pending_line(event.y):
            self.go_on()

    def _is_pending_line(self, y: int) -> bool:
        return bool(self.pending) and y == self.size.height - 1

    # --- drawing

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        made = self._ready.pop(y, None)
        if made is None or made.cell_length != width:  # another size since it was made
            made = self._line(y, width)
        self._drawn[y] = made
        return made

    def _line(self, y: int, width: int) -> Strip:
        if width != self._measured_for:
            self._measured = measure(self.columns, width - 1, self._widths)
            self._lines.use(self._measured)
            self._measured_for = width
        if y < self._titles:
            return self.strip([(" " + " ".join(self._heads()), "head")], width)
        if not len(self.source):
            return self._empty_line(y, width)
        index = round(self.scroll_y) + y - self._titles
        line = self._row_line(index, width) if index < self.shown else Strip.blank(width, self.paint("text"))
        return self._with_pending(line, width) if self._is_pending_line(y) else line

    def _heads(self) -> Iterator[str]:
        for column, size in self._measured:
            sign = ("▼" if self.down else "▲") if self.sorted and column.title == self.sorted else ""
            title = column.head(size) if column.head is not None else self.words(column.title)
            yield titled(title, size, right=column.right, sign=sign)

    def _row_line(self, index: int, width: int) -> Strip:
        row = self.source.row(index)
        ground = "mark" if index == self.cursor else ""
        return self._lines.line(row, width, ground, marked=row in self.marks)

    def notify_style_update(self) -> None:
        self._lines.forget()
        super().notify_style_update()

    def _empty_line(self, y: int, width: int) -> Strip:
        text = self.words(self.empty) if y == max(self._titles, self.size.height // 3) else ""
        shown = fit(text, width).rstrip()
        margin = " " * ((width - len(shown)) // 2)
        return self.strip([(margin + shown, "dim")], width)

    def _with_pending(self, line: Strip, width: int) -> Strip:
        text = self.words(" ▼ {n} new · End follows ", n=f"{self.pending:,}")
        mark = self.strip([(text, "chip")], cell_len(text))
        return Strip.join([line.crop(0, max(width - mark.cell_length, 0)), mark]).crop(0, width)
