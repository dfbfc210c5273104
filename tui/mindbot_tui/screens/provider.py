"""One model provider: its keys, breakers, limits and cost, and its late errors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Container

from mindbot.api import calls
from mindbot.api.provider_models import ProviderError, ProviderView
from mindbot.api.shown_providers import facts, late_errors
from mindbot_tui.cells import brief, clock
from mindbot_tui.keymap import bindings
from mindbot_tui.screens.view import View
from mindbot_tui.widgets.facts import Facts
from mindbot_tui.widgets.provider_list import error_columns
from mindbot_tui.widgets.rows import Rows
from mindbot_tui.widgets.sources import GivenRows


class ProviderScreen(View):
    view: ClassVar[str] = "provider"
    contexts: ClassVar[tuple[str, ...]] = ("providers", "list")
    BINDINGS = bindings("providers", "list")  # type: ignore[assignment]

    def __init__(self, name: str) -> None:
        super().__init__()
        self._called = name
        self._provider: ProviderView | None = None

    @property
    def title_text(self) -> str:
        return self.console.words("Provider {name}", name=brief(self._called, 40))

    @property
    def provider(self) -> ProviderView | None:
        return self._provider

    @property
    def rows(self) -> Rows[ProviderError]:
        return self._rows

    @property
    def copies(self) -> str:
        found = self._rows.selected
        return found.why if found else self._called

    def body(self) -> ComposeResult:
        self._facts = Facts(id="provider-facts")
        self._errors: GivenRows[ProviderError] = GivenRows()
        columns = error_columns(self.console.state.clock)
        self._rows = Rows(self._errors, columns, empty="asking the daemon …", id="provider-errors")
        with Container(id="provider-panes"):
            yield self._facts
            yield self._rows

    async def load(self) -> None:
        before = self._rows.selected
        self._provider = await self.console.api.ask(calls.provider(self._called))
        found = late_errors(self._provider)
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
        """Times run down between two answers of the daemon."""
        if self._provider is not None:
            told = facts(self._provider, self.console.state.clock(), self.console.words)
            self._facts.tell(self._called, told, rule=False)

    # --- the selected error, whole

    @property
    def opens(self) -> bool:
        return self._rows.selected is not None

    async def open(self) -> None:
        if (found := self._rows.selected) is not None:
            title = self.console.words("{kind} at {time}", kind=brief(found.kind), time=clock(found.ts))
            self.console.show_page(title, "\n".join(self._whole(found)))

    def _whole(self, error: ProviderError) -> Iterator[str]:
        words = self.console.words
        if error.model:
            yield words("model: {model}", model=error.model)
        if error.key:
            yield words("key: {key}", key=error.key)
        yield ""
        yield error.why

    def on_rows_opened(self) -> None:
        self.console.run_command("open")
