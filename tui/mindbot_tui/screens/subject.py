"""One thing by its name: everything that is known of it, and its late errors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

from textual.app import ComposeResult
from textual.containers import Container

from mindbot_tui.screens.view import View
from mindbot_tui.widgets.columns import Column
from mindbot_tui.widgets.facts import Facts
from mindbot_tui.widgets.rows import Rows
from mindbot_tui.widgets.sources import GivenRows

E = TypeVar("E")


class Subject(View, Generic[E]):
    """Subclasses ask the daemon, and say how facts and errors look. Times run down between two answers."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._called = name

    async def ask(self) -> Sequence[E]:
        """Ask the daemon; returns the late errors, the newest first. Raises MindBotError."""
        raise NotImplementedError

    def facts(self) -> Iterable[tuple[str, str]]:
        """Return what was answered, as labels and texts; nothing before the first answer."""
        raise NotImplementedError

    def error_columns(self) -> Sequence[Column[E]]:
        """Return the columns of errors."""
        raise NotImplementedError

    def why(self, error: E) -> str:
        """Return an error's words, which the copy key takes."""
        raise NotImplementedError

    @property
    def rows(self) -> Rows[E]:
        return self._rows

    @property
    def subject(self) -> str:
        return self._called

    @property
    def spot(self) -> str:
        return str(self._rows.cursor)

    def reach(self, spot: str) -> None:
        self._rows.select(int(spot))

    @property
    def copies(self) -> str:
        found = self._rows.selected
        return self._called if found is None else self.why(found)

    def body(self) -> ComposeResult:
        self._facts = Facts(id="subject-facts")
        self._errors: GivenRows[E] = GivenRows()
        self._rows = Rows(
            self._errors, self.error_columns(), empty="asking the daemon …", id="subject-errors"
        )
        with Container(id="subject-panes"):
            yield self._facts
            yield self._rows

    async def load(self) -> None:
        before = self._rows.selected
        found = await self.ask()
        self._rows.empty = "no late errors"
        self._errors.put(found)
        self._rows.sync(force=True)
        if before in found:  # it is further down when there are new ones
            self._rows.select(found.index(before))
        self._tell()

    def sync(self) -> None:
        self._await(self._rows)
        super().sync()

    def tick(self) -> None:
        self._rows.refresh_changed()
        self._tell()

    def speak(self) -> None:
        super().speak()
        self._tell()

    def on_resize(self) -> None:
        self.call_after_refresh(self._tell)

    def _tell(self) -> None:
        self._facts.tell(self._called, self.facts(), rule=False)

    @property
    def opens(self) -> bool:
        return self._rows.selected is not None

    def on_rows_opened(self) -> None:
        self.console.run_command("open")
