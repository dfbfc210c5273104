"""Views with a list and a filter over it, which shows while it is used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from mindbot.filters.fields import FieldSet
from mindbot.filters.language import parse
from mindbot_tui.screens.view import View
from mindbot_tui.state.list_fields import WORDS_ONLY
from mindbot_tui.widgets.filter_bar import FilterBar


class FilteredView(View):
    """Subclasses put `filter_bar` above their list, and take what it keeps by `use`."""

    fields: ClassVar[FieldSet] = WORDS_ONLY

    def filter_bar(self) -> FilterBar:
        """Return the bar."""
        self._bar = FilterBar(self.values, self.count, self.fields)
        self._bar.display = False
        self._bar.input.placeholder = self.console.words("words, or a filter: Tab offers its fields")
        return self._bar

    def record(self, row: Any) -> object:
        """Return what filters see of a row."""
        return row

    def use(self, keep: Callable[[Any], bool] | None) -> None:
        """Show only the rows that a predicate keeps; None shows everything."""
        raise NotImplementedError

    def count(self) -> tuple[int, int, bool]:
        """Return how many rows are shown, how many there are, and whether some are still to be judged."""
        raise NotImplementedError

    def values(self) -> Mapping[str, Iterable[str]]:
        """Return values for the filter to offer, by field."""
        return {}

    @property
    def filter(self) -> str:
        return self._bar.filter

    @property
    def filter_fields(self) -> FieldSet:
        return self.fields

    def set_filter(self, text: str) -> None:
        self._bar.display = True
        if not self._bar.put(text):
            self._bar.edit()

    def edit_filter(self) -> None:
        self._bar.display = True
        self._bar.edit()

    def on_filter_bar_set(self, event: FilterBar.Set) -> None:
        keep = parse(event.filter, self.fields).compile() if event.filter else None
        self.use(None if keep is None else lambda row: keep(self.record(row)))
        self._bar.display = bool(event.filter) or self._bar.input.has_focus

    def on_filter_bar_left(self) -> None:
        if self.rows is not None:
            self.rows.focus()
        self._bar.display = bool(self._bar.filter)

    def nothing_matches(self, known: int) -> str:
        """Return what an empty list says of so many rows that the filter does not let through."""
        return self.console.words("nothing matches; without the filter there are {n}", n=f"{known:,}")
