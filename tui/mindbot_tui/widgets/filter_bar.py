"""The filter of a list: what is typed, what is in force, and where it is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Static

from mindbot.domain.errors import BadFilter
from mindbot.filters.complete import complete
from mindbot.filters.errors import FilterError
from mindbot.filters.fields import TURN_FIELDS, FieldSet
from mindbot.filters.language import parse
from mindbot_tui.cells import fit
from mindbot_tui.widgets.line import Line, both_ends
from mindbot_tui.widgets.offers import Offer, OfferInput, Offers
from mindbot_tui.widgets.paint import Piece

_MARK = 3  # cells before the text

Values = Callable[[], Mapping[str, Iterable[str]]]


class Mistake(Line):
    """Points at the mistake, says what it is, and lists the fields where that is the question."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._error: FilterError | BadFilter | None = None
        self._text = ""

    def show(self, error: BadFilter | None, text: str = "") -> None:
        """Show a mistake, or none."""
        self._error, self._text = error, text
        self.display = error is not None
        self.sync()
        self.refresh()

    def pieces(self, width: int) -> list[Piece]:
        error = self._error
        if error is None:
            return []
        at = _MARK + cell_len(self._text[: error.column - 1])
        hint = f" · {error.hint}" if error.hint else ""
        fields = f" · {', '.join(error.fields)}" if error.fields else ""
        said = error.message.removesuffix(f", at column {error.column}")
        told = f"{said}{hint}{fields}"
        marks = "^" * max(min(cell_len(self._text[error.column - 1 :][: error.length]), width - at), 1)
        if at + len(marks) + 1 + min(cell_len(told), 30) <= width:
            left = at + len(marks) + 1
            return [(" " * at, "text"), (marks, "bad"), (" ", "text"), (fit(told, width - left), "bad")]
        return [(fit(f" {self.words('column {n}', n=error.column)}: {told}", width), "bad")]


class Count(Line):
    """How many lines the filter lets through."""

    def __init__(
        self, count: Callable[[], tuple[int, int, bool]], note: Callable[[], str], id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self._count = count
        self._note = note

    def pieces(self, width: int) -> list[Piece]:
        shown, known, scanning = self._count()
        text = f"{shown:,}" if shown == known else f"{shown:,}/{known:,}"
        text += "…" if scanning else " "
        if note := self._note():
            text += f"{note} "
        return both_ends([], [(text, "dim")], width) if known else []


class FilterBar(Vertical):
    """Enter puts a filter in force, Escape leaves it as it was."""

    @dataclass
    class Set(Message):
        """Another filter is in force."""

        filter: str

    @dataclass
    class Left(Message):
        """The reader is done with the bar."""

    def __init__(
        self,
        values: Values,
        count: Callable[[], tuple[int, int, bool]],
        fields: FieldSet = TURN_FIELDS,
        *,
        note: Callable[[], str] = str,
    ) -> None:
        super().__init__(id="filter-bar")
        self._fields = fields
        self._values = values
        self.offers = Offers(id="filter-offers")
        self.input = OfferInput(self.offers, self._complete, id="filter")
        self.error = Mistake(id="filter-error")
        self.count = Count(count, note, id="filter-count")
        self.filter = ""

    def compose(self) -> ComposeResult:
        with Horizontal(id="filter-line"):
            yield Static(" / ", id="filter-mark")
            yield self.input
            yield self.count
        yield self.offers
        yield self.error

    def on_mount(self) -> None:
        self.error.display = False

    def put(self, text: str) -> bool:
        """Put a filter in force; return False and show where it is wrong when it cannot be."""
        self.input.value = text
        self.input.cursor_position = len(text)
        return self._use(text)

    def edit(self) -> None:
        self.screen.set_focus(self.input)

    def _use(self, text: str) -> bool:
        text = text.strip()
        try:
            parse(text, self._fields)
        except BadFilter as error:
            self.error.show(error, self.input.value)
            return False
        self.error.show(None)
        self.filter = text
        self.input.remember(text)
        self.post_message(self.Set(text))
        return True

    def _complete(self, text: str, cursor: int) -> list[Offer]:
        found = complete(text, cursor, self._fields, self._values()) if text.strip() or cursor else []
        return [Offer(each.text, each.start, each.end, each.help) for each in found]

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show a mistake while it is made, but not one that is only unfinished."""
        text = event.value
        try:
            parse(text.strip(), self._fields)
        except BadFilter as error:
            unfinished = self.offers.open or error.column > len(text.rstrip())
            self.error.show(None if unfinished else error, text)
        else:
            self.error.show(None)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self._use(event.value):
            self.post_message(self.Left())

    def on_offer_input_left(self, event: OfferInput.Left) -> None:
        event.stop()
        self.put(self.filter)
        self.post_message(self.Left())
