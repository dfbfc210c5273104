"""Views of one small list that the daemon is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

from textual.app import ComposeResult

from mindbot.api.calls import ApiCall
from mindbot_tui.screens.view import View
from mindbot_tui.widgets.columns import Column
from mindbot_tui.widgets.rows import Rows
from mindbot_tui.widgets.sources import GivenRows

R = TypeVar("R")


class Table(View, Generic[R]):
    """Subclasses say which call brings the rows, and how they look."""

    cli: ClassVar[str] = ""  # the command line that lists the same
    empty: ClassVar[str] = "nothing here"

    def columns(self) -> Sequence[Column[R]]:
        """Return the columns."""
        raise NotImplementedError

    def call(self) -> ApiCall[list[R]]:
        """Return the call that brings the rows."""
        raise NotImplementedError

    def key(self, row: R) -> str:
        """Return what makes a row the same one when it is brought again."""
        raise NotImplementedError

    def body(self) -> ComposeResult:
        self._source: GivenRows[R] = GivenRows()
        self._rows: Rows[R] = Rows(self._source, self.columns(), empty="asking the daemon …")
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

    def sync(self) -> None:
        self._await(self._rows)
        super().sync()

    async def fetch(self) -> list[R]:
        """Ask the daemon for the rows; raises MindBotError."""
        return await self.console.api.ask(self.call())

    async def load(self) -> None:
        before = self._rows.selected
        found = await self.fetch()
        self._rows.empty = self.empty
        self._source.put(found)
        self._rows.sync(force=True)
        if before is not None:
            keys = [self.key(row) for row in found]
            if self.key(before) in keys:
                self._rows.select(keys.index(self.key(before)))
