"""Providers: how they are, a trial, off and on, their models, what they cost."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import cast, get_args

from mindbot.domain.errors import Invalid, NotFound
from mindbot.domain.ports.answering import Able, Lists
from mindbot.domain.ports.store import NEWEST, SPENDING_KEPT, SpendingStore
from mindbot.domain.shapes.daemon import CheckJson
from mindbot.domain.shapes.providers import ModelJson, ProviderJson, SpentJson
from mindbot.domain.spending import BILLION, Spender
from mindbot.providers.management.status import ProviderStatus
from mindbot.providers.shared.known_models import known
from mindbot.runtime.generation import Generation
from mindbot.telemetry.redaction import told_in

_DAY = 86400.0


class ProviderResource:
    """Answers ``/v1/providers``. ``current`` returns the generation in force."""

    def __init__(self, current: Callable[[], Generation], spending: SpendingStore) -> None:
        self._current = current
        self._spending = spending

    async def providers(self) -> list[ProviderJson]:
        """Return how each configured provider is."""
        return [_row(status) for status in await self._current().providers.status()]

    async def provider(self, name: str) -> ProviderJson:
        """Return how one is; raises NotFound."""
        found = await self._current().providers.status()
        for status in found:
            if status.name == name:
                return _row(status)
        there = ", ".join(status.name for status in found) or "none"
        raise NotFound(f"no provider named {name!r}", hint=f"there are: {there}")

    async def test_provider(self, name: str, model: str = "") -> list[CheckJson]:
        """Ask one really, step by step and with each key; raises NotFound, ConfigError, StoreError."""
        checks = await self._current().providers.trial(name, model)
        return [told_in(check.to_json()) for check in checks]

    async def switch_provider(self, name: str, *, on: bool) -> ProviderJson:
        """Switch one off or on; raises NotFound, Conflict, StoreError."""
        return _row(await self._current().providers.switch(name, on=on))

    async def models(self, name: str, *, ask: bool) -> list[ModelJson]:
        """Return a provider's models: the configured ones, and with ``ask`` those its vendor tells of.

        Raises:
            NotFound: there is no such provider, or it is off.
            Invalid: its vendor does not tell.
            VendorError: it could not be asked.
        """
        provider = self._current().providers.get(name)
        row = await self.provider(name)
        listed: list[str] = []
        if ask:
            if not isinstance(provider, Lists):
                raise Invalid(f"providers.{name}: a {row['type']} does not tell its models")
            listed = await provider.list_models()
        configured = row["models"]
        names = [*configured, *sorted(set(listed) - set(configured))]
        rows: list[ModelJson] = []
        for each in names:
            can = provider.capabilities(each) if isinstance(provider, Able) else known(each)
            rows.append(
                {
                    "name": each,
                    "configured": each in configured,
                    "listed": each in listed,
                    "tools": can.tools,
                    "images": can.images,
                    "files": can.files,
                    "audio": can.audio,
                    "streaming": can.streaming,
                    "max_context": can.max_context,
                }
            )
        return rows

    async def usage(self, by: str, days: int, *, limit: int = 1000, after: str = "") -> list[SpentJson]:
        """Return what everybody of a kind spent in the last ``days``, the newest first.

        ``after`` is the last row of the page before, as ``day/who``.

        Raises:
            Invalid: nobody is counted by that, or ``after`` is no row.
        """
        if by not in get_args(Spender):
            raise Invalid(f"nobody is counted by {by!r}", hint=f"one of {', '.join(get_args(Spender))}")
        longest = int(SPENDING_KEPT / _DAY)
        if not 1 <= days <= longest:
            raise Invalid(f"{days} days", hint=f"sums are kept for {longest}")
        first = time.strftime("%Y-%m-%d", time.localtime(time.time() - (days - 1) * _DAY))
        day, slash, who = after.partition("/")
        if after and not slash:
            raise Invalid(f"{after!r} is no row", hint="day/who of the last one that was shown")
        currency = self._current().loaded.config.budgets.currency
        return [
            {
                "by": spent.by,
                "who": spent.who,
                "day": spent.day,
                "calls": spent.calls,
                "input_tokens": spent.input_tokens,
                "output_tokens": spent.output_tokens,
                "cached_tokens": spent.cached_tokens,
                "money": spent.money / BILLION,
                "currency": currency,
            }
            for spent in await self._spending.since(
                first, cast("Spender", by), limit, (day, who) if after else NEWEST
            )
        ]


def _row(status: ProviderStatus) -> ProviderJson:
    return cast("ProviderJson", status.to_json())
