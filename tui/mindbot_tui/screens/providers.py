"""Model providers and how they are; of the selected one everything that is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from mindbot.api import calls
from mindbot.api.calls import ApiCall
from mindbot.api.provider_models import ProviderView
from mindbot.api.shown_providers import facts
from mindbot.filters.fields import FieldSet
from mindbot_tui.keymap import bindings
from mindbot_tui.screens.facts_table import FactsTable
from mindbot_tui.state.list_fields import PROVIDER_FIELDS
from mindbot_tui.widgets.columns import Column
from mindbot_tui.widgets.provider_list import provider_columns


class Providers(FactsTable[ProviderView]):
    view: ClassVar[str] = "providers"
    heading: ClassVar[str] = "Providers"
    contexts: ClassVar[tuple[str, ...]] = ("providers", "list", "filtered")
    BINDINGS = bindings("providers", "list", "filtered")  # type: ignore[assignment]
    cli: ClassVar[str] = "mindbot provider list"
    empty: ClassVar[str] = "no providers are configured"
    fields: ClassVar[FieldSet] = PROVIDER_FIELDS

    def columns(self) -> Sequence[Column[ProviderView]]:
        return provider_columns(self.console.state.clock, lambda: self.console.words)

    def facts(self, row: ProviderView) -> Iterable[tuple[str, str]]:
        return facts(row, self.console.state.clock(), self.console.words)

    def call(self) -> ApiCall[list[ProviderView]]:
        return calls.providers()

    def key(self, row: ProviderView) -> str:
        return row.name

    @property
    def provider(self) -> ProviderView | None:
        return self._rows.selected

    @property
    def opens(self) -> bool:
        return self.provider is not None

    async def open(self) -> None:
        if self.provider is not None:
            await self.console.open_provider(self.provider.name)

    def on_rows_opened(self) -> None:
        self.console.run_command("open")

    @property
    def copies(self) -> str:
        return self.provider.name if self.provider else ""
