"""Views of a small list with everything known of the selected line under it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from textual.app import ComposeResult

from mindbot_tui.screens.table import Table
from mindbot_tui.widgets.facts import Facts

R = TypeVar("R")


class FactsTable(Table[R]):
    """Times run on between two answers of the daemon: lines are told again every second."""

    def body(self) -> ComposeResult:
        yield from super().body()
        self._facts = Facts(id="facts")
        yield self._facts

    def facts(self, row: R) -> Iterable[tuple[str, str]]:
        """Return what is known of a row, as labels and texts."""
        raise NotImplementedError

    def called(self, row: R) -> str:
        """Return what stands over the facts of a row."""
        return self.key(row)

    async def load(self) -> None:
        await super().load()
        self._tell()

    def tick(self) -> None:
        self._rows.refresh_changed()
        self._tell()

    def use(self, keep: Callable[[R], bool] | None) -> None:
        super().use(keep)
        self._tell()

    def on_rows_moved(self) -> None:
        self._tell()

    def speak(self) -> None:
        super().speak()
        self._tell()

    def on_resize(self) -> None:
        self.call_after_refresh(self._tell)

    def _tell(self) -> None:
        found = self._rows.selected
        if found is None:
            self._facts.tell("", (), rule=False)
        else:
            self._facts.tell(self.key(found), self.facts(found), called=self.called(found))
