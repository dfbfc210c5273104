"""One model provider: its keys, breakers, limits and cost, and its late errors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from mindbot.api import calls
from mindbot.api.provider_models import ProviderError, ProviderView
from mindbot.api.shown_providers import facts, late_errors
from mindbot_tui.cells import brief, clock
from mindbot_tui.keymap import bindings
from mindbot_tui.screens.subject import Subject
from mindbot_tui.widgets.columns import Column
from mindbot_tui.widgets.provider_list import error_columns


class ProviderScreen(Subject[ProviderError]):
    view: ClassVar[str] = "provider"
    contexts: ClassVar[tuple[str, ...]] = ("providers", "list")
    BINDINGS = bindings("providers", "list")  # type: ignore[assignment]

    _provider: ProviderView | None = None

    @property
    def title_text(self) -> str:
        return self.console.words("Provider {name}", name=brief(self._called, 40))

    @property
    def provider(self) -> ProviderView | None:
        return self._provider

    async def ask(self) -> Sequence[ProviderError]:
        self._provider = await self.console.api.ask(calls.provider(self._called))
        return late_errors(self._provider)

    def facts(self) -> Iterable[tuple[str, str]]:
        now, words = self.console.state.clock(), self.console.words
        return facts(self._provider, now, words) if self._provider else ()

    def error_columns(self) -> Sequence[Column[ProviderError]]:
        return error_columns(self.console.state.clock)

    def why(self, error: ProviderError) -> str:
        return error.why

    async def open(self) -> None:
        """Show the selected error whole."""
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
