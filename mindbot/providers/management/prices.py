"""What calls cost, in the currency of the budgets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from mindbot.config.models import ProviderSettings
from mindbot.config.prices import price_of
from mindbot.config.spending import BudgetsSettings, PriceSettings, currency_code
from mindbot.domain.chat import Usage
from mindbot.domain.spending import BILLION

_MILLION = 1_000_000
#: In billionths: more than any call can cost. Sums of it stay within 64 bits.
_MOST = _MILLION * BILLION


class _Price(NamedTuple):
    """Of a million tokens, in the currency of the budgets."""

    input: float
    output: float
    cached: float


class Prices:
    """Prices by provider and model, in the currency of the budgets."""

    def __init__(
        self,
        entries: Mapping[str, ProviderSettings],
        prices: Mapping[str, PriceSettings],
        budgets: BudgetsSettings,
    ) -> None:
        self._entries = entries
        self._prices = prices
        self.currency = budgets.currency
        self._rates = budgets.worth()
        self._found: dict[tuple[str, str], _Price | None] = {}

    def of_a_million(self, provider: str, model: str) -> float | None:
        """Return what a million tokens sent and one answered cost together: to compare models by."""
        price = self._of(provider, model)
        return None if price is None else price.input + price.output

    def told(self, usage: Usage) -> int | None:
        """Return what a call cost in billionths as its vendor says; None where that says nothing to us: it is
        in a currency without a rate, or more than any call can cost.
        """
        if usage.cost is None or (rate := self._rate(usage.currency or self.currency)) is None:
            return None
        cost = usage.cost * rate * BILLION
        return round(cost) if cost <= _MOST else None

    def of_usage(self, provider: str, model: str, usage: Usage) -> int | None:
        """Return what a call cost in billionths: as the vendor says, else by the price; None if unknown."""
        if (told := self.told(usage)) is not None:
            return told
        if (price := self._of(provider, model)) is None:
            return None
        cached = min(usage.cached_tokens, usage.input_tokens)
        paid = (usage.input_tokens - cached) * price.input + cached * price.cached
        paid += usage.output_tokens * price.output
        paid *= BILLION // _MILLION
        return round(paid) if paid <= _MOST else None

    def _of(self, provider: str, model: str) -> _Price | None:
        """Return a model's price; None where nobody knows it, or its currency has no rate."""
        if (place := (provider, model)) not in self._found:
            self._found[place] = self._in_our_currency(price_of(self._entries, self._prices, provider, model))
        return self._found[place]

    def _in_our_currency(self, price: PriceSettings | None) -> _Price | None:
        if price is None or (rate := self._rate(price.currency)) is None:
            return None
        cached = price.input if price.cached is None else price.cached
        return _Price(price.input * rate, price.output * rate, cached * rate)

    def _rate(self, currency: str) -> float | None:
        return self._rates.get(currency_code(currency))
