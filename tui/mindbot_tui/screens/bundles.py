"""What fails, by its cause: what most people wait for stands first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from mindbot.api import calls, shown_failures
from mindbot.api.calls import ApiCall
from mindbot.api.failure_models import BundleView
from mindbot_tui.cells import age, clock
from mindbot_tui.commands.on_bundle import WINDOW
from mindbot_tui.keymap import bindings
from mindbot_tui.screens.facts_table import FactsTable
from mindbot_tui.widgets.columns import Cell, Column


class Bundles(FactsTable[BundleView]):
    view: ClassVar[str] = "bundles"
    heading: ClassVar[str] = "Failures"
    contexts: ClassVar[tuple[str, ...]] = ("bundles", "list", "filtered")
    BINDINGS = bindings("bundles", "list", "filtered")  # type: ignore[assignment]
    cli: ClassVar[str] = "mindbot failures"
    empty: ClassVar[str] = "nothing failed in the last six hours"
    every: ClassVar[float] = 2.0

    def columns(self) -> Sequence[Column[BundleView]]:
        words, now = self.console.words, self.console.state.clock
        return [
            Column("BEGAN", lambda b: (clock(b.since), "dim"), 8),
            Column("LAST", lambda b: (age(now() - b.last), "dim"), 5, right=True, least=60),
            Column("WHAT", lambda b: (shown_failures.amount(b, words), "strong"), 10, wide=12),
            Column("WAITING", self._waiting, 14, wide=18),
            Column("CAUSE", lambda b: (shown_failures.what(b), "bad"), weight=3),
        ]

    def _waiting(self, bundle: BundleView) -> Cell:
        return shown_failures.waiting(bundle, self.console.words), "bad" if bundle.waiting else "dim"

    def call(self) -> ApiCall[list[BundleView]]:
        return calls.failure_bundles(WINDOW)

    def key(self, row: BundleView) -> str:
        return row.id

    def called(self, row: BundleView) -> str:
        return shown_failures.what(row)

    def facts(self, row: BundleView) -> Iterable[tuple[str, str]]:
        words = self.console.words
        yield words("cause"), shown_failures.what(row)
        yield words("in words"), row.sample
        many = words("{people} wrote these, {waiting} of them wait", people=row.people, waiting=row.waiting)
        yield words("written by"), many
        yield (
            words("since"),
            words("{since}, the last at {last}", since=clock(row.since), last=clock(row.last)),
        )
        yield words("filter"), row.filter

    @property
    def bundle(self) -> BundleView | None:
        return self._rows.selected

    @property
    def opens(self) -> bool:
        return self.bundle is not None

    async def open(self) -> None:
        """Show the people of the selected bundle."""
        if self.bundle is not None:
            await self.console.open_bundle(self.bundle.id)

    @property
    def copies(self) -> str:
        return self.bundle.sample if self.bundle else ""
