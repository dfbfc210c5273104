"""What models cost: the operator's prices, then a table of well-known ones.

The table is a convenience, for a million tokens: from what was generally known when it was written, not
checked against the vendors' pages. It grows old, and what counts is the bill: operators write their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from mindbot.config.models import ProviderSettings
from mindbot.config.spending import BudgetsSettings, PriceSettings, currency_code
from mindbot.domain.chat import Usage
from mindbot.domain.spending import BILLION

_MILLION = 1_000_000
#: In billionths: more than any call can cost. Sums of it stay within 64 bits.
_MOST = _MILLION * BILLION


def _usd(input_: float, output: float, cached: float | None = None) -> PriceSettings:
    return PriceSettings(input=input_, output=output, cached=cached)


def _cny(input_: float, output: float) -> PriceSettings:
    return PriceSettings(input=input_, output=output, currency="CNY")


#: By the beginning of the model's name, as far as a ``-`` or ``:``; the longest counts.
TABLE: Mapping[str, PriceSettings] = {
    "gpt-3.5-turbo": _usd(0.5, 1.5),
    "gpt-4": _usd(30, 60),
    "gpt-4-turbo": _usd(10, 30),
    "gpt-4o": _usd(2.5, 10, 1.25),
    "gpt-4o-mini": _usd(0.15, 0.6, 0.075),
    "gpt-4.1": _usd(2, 8, 0.5),
    "gpt-4.1-mini": _usd(0.4, 1.6, 0.1),
    "gpt-4.1-nano": _usd(0.1, 0.4, 0.025),
    "gpt-5": _usd(1.25, 10, 0.125),
    "gpt-5-mini": _usd(0.25, 2, 0.025),
    "gpt-5-nano": _usd(0.05, 0.4, 0.005),
    "o3": _usd(2, 8, 0.5),
    "o4-mini": _usd(1.1, 4.4, 0.275),
    "claude-3-haiku": _usd(0.25, 1.25, 0.03),
    "claude-3-sonnet": _usd(3, 15),
    "claude-3-opus": _usd(15, 75, 1.5),
    "claude-3-5-haiku": _usd(0.8, 4, 0.08),
    "claude-3-5-sonnet": _usd(3, 15, 0.3),
    "claude-3-7-sonnet": _usd(3, 15, 0.3),
    "claude-sonnet-4": _usd(3, 15, 0.3),
    "claude-opus-4": _usd(15, 75, 1.5),
    "claude-haiku-4": _usd(1, 5, 0.1),
    "gemini-pro": _usd(0.5, 1.5),
    "gemini-1.5-pro": _usd(1.25, 5),
    "gemini-1.5-flash": _usd(0.075, 0.3),
    "gemini-2.0-flash": _usd(0.1, 0.4, 0.025),
    "gemini-2.5-pro": _usd(1.25, 10, 0.31),
    "gemini-2.5-flash": _usd(0.3, 2.5, 0.075),
    "deepseek-chat": _usd(0.27, 1.1, 0.07),
    "deepseek-reasoner": _usd(0.55, 2.19, 0.14),
    "moonshot-v1-8k": _cny(12, 12),
    "moonshot-v1-32k": _cny(24, 24),
    "moonshot-v1-128k": _cny(60, 60),
    "chatglm3-6b": _cny(1, 1),
    "glm-4": _cny(100, 100),
    "glm-4-flash": _cny(0, 0),
    "glm-4-air": _cny(0.5, 0.5),
    "glm-4-plus": _cny(50, 50),
}


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
        self._own = {
            (name, model.name): model.price
            for name, entry in entries.items()
            for model in entry.models
            if model.price is not None
        }
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
            self._found[place] = self._in_our_currency(self._look_up(provider, model))
        return self._found[place]

    def _in_our_currency(self, price: PriceSettings | None) -> _Price | None:
        if price is None or (rate := self._rate(price.currency)) is None:
            return None
        cached = price.input if price.cached is None else price.cached
        return _Price(price.input * rate, price.output * rate, cached * rate)

    def _rate(self, currency: str) -> float | None:
        return self._rates.get(currency_code(currency))

    def _look_up(self, provider: str, model: str) -> PriceSettings | None:
        own = self._own.get((provider, model))
        for found in (own, self._prices.get(f"{provider}/{model}"), self._prices.get(model)):
            if found is not None:
                return found
        name = model.lower().rpartition("/")[2]  # OpenRouter, SiliconFlow: vendor/model
        fits = [known for known in TABLE if name == known or name.startswith((f"{known}-", f"{known}:"))]
        return TABLE[max(fits, key=len)] if fits else None
