"""Views of one small list that the daemon is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from textual.app import ComposeResult

from mindbot.api.calls import ApiCall
from mindbot_tui.screens.filtered_view import FilteredView
from mindbot_tui.widgets.columns import Column
from mindbot_tui.widgets.rows import Rows
from mindbot_tui.widgets.sources import GivenRows

R = TypeVar("R")
_OFFERED = 20  # values of a field


class Table(FilteredView, Generic[R]):
    """Subclasses say which call brings the rows, and how they look."""

    cli: ClassVar[str] = ""  # the command line that lists the same
    empty: ClassVar[str] = "nothing here"
    markable: ClassVar[bool] = False  # there are commands for many lines

    def columns(self) -> Sequence[Column[R]]:
        """Return the columns."""
        raise NotImplementedError

    def call(self) -> ApiCall[list[R]]:
        """Return the call that brings the rows."""
        raise NotImplementedError

    def key(self, row: R) -> str:
        """Return what makes a row the same one when it is brought again."""
        raise NotImplementedError

    def record(self, row: R) -> Mapping[str, Any]:
        """Return what filters see of a row: its attributes by the names of `fields`, and all its words."""
        names = (field.name for field in self.fields.fields if field.name != "words")
        said = (column.cell(row)[0] for column in self._rows.columns)
        return {**{name: getattr(row, name, None) for name in names}, "words": "\n".join(said)}

    def body(self) -> ComposeResult:
        self._source: GivenRows[R] = GivenRows()
        self._rows: Rows[R] = Rows(
            self._source, self.columns(), empty="asking the daemon …", key=self.key, markable=self.markable
        )
        yield self.filter_bar()
        yield self._rows

    def on_mount(self) -> None:
        self.console.state.called(self.cli)

    @property
    def rows(self) -> Rows[R]:
        return self._rows

    @property
    def spot(self) -> str:
        return "" if self._rows.selected is None else self.key(self._rows.selected)

    def reach(self, spot: str) -> None:
        keys = [self.key(row) for row in self._source.rows]
        if spot in keys:
            self._rows.select(keys.index(spot))

    def nothing(self) -> str:
        if given := len(self._source.given):
            return self.nothing_matches(given)
        return self.console.words(self.empty)

    def sync(self) -> None:
        self._await(self._rows)
        super().sync()

    async def fetch(self) -> list[R]:
        """Ask the daemon for the rows; raises MindBotError."""
        return await self.console.api.ask(self.call())

    async def load(self) -> None:
        found = await self.fetch()
        self._loaded = True
        self._rows.rearrange(lambda: self._source.put(found))

    # --- the filter

    def use(self, keep: Callable[[R], bool] | None) -> None:
        self._rows.rearrange(lambda: self._source.use(keep))

    def count(self) -> tuple[int, int, bool]:
        return len(self._source), len(self._source.given), False

    def values(self) -> Mapping[str, Iterable[str]]:
        """Return the values of fields that hold texts, by field, the most frequent first."""
        counts: dict[str, dict[str, int]] = {}
        for row in self._source.given:
            for name, value in self.record(row).items():
                if isinstance(value, str) and value and name != "words" and len(value) <= 64:
                    seen = counts.setdefault(name, {})
                    seen[value] = seen.get(value, 0) + 1
        return {
            name: sorted(seen, key=lambda value: -seen[value])[:_OFFERED] for name, seen in counts.items()
        }
