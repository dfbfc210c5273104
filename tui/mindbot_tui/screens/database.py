"""Questions to the database in SQL, for reading alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.containers import Container, Horizontal
from textual.widgets import Input, Static

from mindbot.api import instrument_calls
from mindbot.api.instrument_models import SqlAnswer
from mindbot.domain.errors import MindBotError
from mindbot_tui.cells import took
from mindbot_tui.keymap import bindings
from mindbot_tui.screens.view import View
from mindbot_tui.widgets.columns import Column
from mindbot_tui.widgets.offers import Offer, OfferInput, Offers
from mindbot_tui.widgets.rows import Rows
from mindbot_tui.widgets.sources import GivenRows

#: Questions to begin with: Tab offers them.
EXAMPLES = {
    "SELECT state, count(*) AS turns FROM turns GROUP BY state": "turns by state",
    "SELECT bot, state, count(*) AS n, max(attempts) AS tries FROM outbox GROUP BY 1, 2": "deliveries by bot",
    "SELECT day, who, calls, money / 1e9 AS money FROM spending WHERE by = 'model' ORDER BY 1 DESC": "cost",
    "SELECT name, sql FROM sqlite_master WHERE type = 'table'": "the tables",
}
_LIMIT = 500
_TIMEOUT = 5.0
_WIDEST = 40  # cells of a column
Row = Sequence[Any]


class DatabaseScreen(View):
    view: ClassVar[str] = "database"
    heading: ClassVar[str] = "Database"
    contexts: ClassVar[tuple[str, ...]] = ("database", "list")
    BINDINGS = bindings("database", "list")  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self._answer = SqlAnswer()
        self._said = ""

    def body(self) -> ComposeResult:
        self._offers = Offers(id="sql-offers")
        self._box = OfferInput(self._offers, _complete, id="sql")
        self._source: GivenRows[Row] = GivenRows()
        self._rows: Rows[Row] = Rows(self._source, [], empty="ask in SQL: i writes, Tab offers a beginning")
        self._place = Container(self._rows, id="sql-rows")
        with Horizontal(id="sql-line"):
            yield Static(" ? ", id="sql-mark")
            yield self._box
        yield self._offers
        yield self._place

    def on_mount(self) -> None:
        self.console.state.called("mindbot db query 'SELECT …'")
        self.speak()

    def speak(self) -> None:
        self._box.placeholder = self.console.words("a question in SQL; it can only read")
        super().speak()

    @property
    def rows(self) -> Rows[Row]:
        return self._rows

    @property
    def complete(self) -> bool:
        return True

    @property
    def title_text(self) -> str:
        if not self._said:
            return super().title_text
        words, answer = self.console.words, self._answer
        told = words("Database: {n} rows in {took}", n=len(answer.rows), took=took(answer.took_ms / 1000))
        return told + words(", there are more") if answer.more else told

    def _ask_again(self) -> None:
        """Only what is asked is answered."""

    def reload(self) -> None:
        if self._said:
            self._ask(self._said)

    # --- asking

    def write(self) -> bool:
        self.set_focus(self._box)
        return True

    def on_offer_input_left(self, event: OfferInput.Left) -> None:
        self.set_focus(self._rows)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if sql := event.value.strip():
            self._box.remember(sql)
            self._ask(sql)

    @work(group="load", exclusive=True)
    async def _ask(self, sql: str) -> None:
        console = self.console
        if console.state.role and not console.state.has("admin"):
            said = console.words(
                "this needs the role {needs}, you are {role}", needs="admin", role=console.state.role
            )
            console.say(said, "warn")
            return
        quoted = sql.replace("'", "'\\''")
        console.state.called(f"mindbot db query '{quoted}'")
        try:
            answer = await console.api.ask(instrument_calls.query_database(sql, _LIMIT, _TIMEOUT))
        except MindBotError as error:
            console.say(str(error), "bad")
            return
        self._answer, self._said = answer, sql
        await self._put(answer)

    async def _put(self, answer: SqlAnswer) -> None:
        """Show an answer in a list of its columns."""
        self._source = GivenRows()
        self._source.put(answer.rows)
        rows: Rows[Row] = Rows(self._source, _columns(answer), empty="nothing matches it")
        await self._rows.remove()
        self._rows = rows
        await self._place.mount(rows)
        rows.sync(force=True)
        self.set_focus(rows)

    # --- what is selected

    @property
    def opens(self) -> bool:
        return self._rows.selected is not None

    async def open(self) -> None:
        """Show the selected row whole, a column a line."""
        row = self._rows.selected
        if row is not None:
            text = "\n".join(
                f"{name}: {_text(value)}" for name, value in zip(self._answer.columns, row, strict=True)
            )
            self.console.show_page(self.console.words("Row {n}", n=self._rows.cursor + 1), text)

    def on_rows_opened(self) -> None:
        self.console.run_command("open")

    @property
    def copies(self) -> str:
        row = self._rows.selected
        return "\t".join(map(_text, row)) if row is not None else ""


def _columns(answer: SqlAnswer) -> list[Column[Row]]:
    """Return the columns of an answer as wide as its first rows are."""
    found: list[Column[Row]] = []
    for n, name in enumerate(answer.columns):
        texts = [_text(row[n]) for row in answer.rows[:50]]
        wide = min(max([len(name) + 1, *(len(text) for text in texts)]), _WIDEST)
        number = any(isinstance(row[n], int | float) for row in answer.rows[:50])
        last = n == len(answer.columns) - 1
        found.append(_column(n, name, 0 if last and not number else wide, right=number))
    return found


def _column(n: int, name: str, width: int, *, right: bool) -> Column[Row]:
    def cell(row: Row) -> tuple[str, str]:
        return _text(row[n]), "dim" if row[n] is None else "number" if right else "text"

    def value(row: Row) -> Any:
        return row[n]

    def head(size: int) -> str:
        return name  # as it is: no word of ours, to be said in another language

    return Column(name, cell, width, right=right, by=value, head=head)


def _text(value: Any) -> str:
    return "null" if value is None else str(value)


def _complete(text: str, cursor: int) -> list[Offer]:
    """Offer whole questions that begin as what is typed."""
    typed = text.casefold()
    return [
        Offer(sql, 0, len(text), help) for sql, help in EXAMPLES.items() if sql.casefold().startswith(typed)
    ]
