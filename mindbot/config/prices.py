"""What a million tokens of a model cost: the operator's prices, then a table of well-known ones.

The table is a convenience: from what was generally known when it was written, not checked against the
vendors' pages. It grows old, and what counts is the bill: operators write their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from mindbot.config.models import ProviderSettings
from mindbot.config.spending import PriceSettings


def _usd(input_: float, output: float, cached: float | None = None) -> PriceSettings:
    return PriceSettings(input=input_, output=output, cached=cached)


def _cny(input_: float, output: float) -> PriceSettings:
    return PriceSettings(input=input_, output=output, currency="CNY")


#: By the model's name, without a vendor before it, a date or ``latest`` behind it, or a tag.
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
    "claude-sonnet-4-5": _usd(3, 15, 0.3),
    "claude-opus-4": _usd(15, 75, 1.5),
    "claude-opus-4-1": _usd(15, 75, 1.5),
    "claude-haiku-4-5": _usd(1, 5, 0.1),
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

#: What a name has more than the table's: gpt-4o-2024-08-06, claude-3-5-haiku-latest, gemini-1.5-pro-002,
#: qwen:7b. Any other word behind it is another model, at another price: gpt-5-pro, gpt-4o-audio.
_VERSION = re.compile(r"(?:-latest|-\d{3,8}|-\d{4}-\d\d-\d\d)?(?:[:@].*)?$", re.ASCII)


def price_of(
    entries: Mapping[str, ProviderSettings], prices: Mapping[str, PriceSettings], provider: str, model: str
) -> PriceSettings | None:
    """Return a model's own price, else that of `prices`, else the table's; None where nobody knows it."""
    entry = entries.get(provider)
    own = next((m.price for m in entry.models if m.name == model), None) if entry is not None else None
    for found in (own, prices.get(f"{provider}/{model}"), prices.get(model)):
        if found is not None:
            return found
    name = model.lower().rpartition("/")[2]  # OpenRouter, SiliconFlow: vendor/model
    return TABLE.get(name) or TABLE.get(_VERSION.sub("", name, count=1))
