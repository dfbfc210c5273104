"""What models cost, and who may spend how much: the sections `prices:` and `budgets:`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from mindbot.config.sections import Section
from mindbot.config.types import Also, Float, Int

#: A mapping of prices, of which a bare number is the price of a million tokens both ways.
_PRICED = Also(
    lambda value: (
        {"input": value, "output": value}
        if isinstance(value, int | float) and not isinstance(value, bool)
        else value
    ),
    lambda schema: {"anyOf": [{"type": "number"}, schema]},
)


#: What one of a currency is worth in US dollars, roughly: operators write what they pay by under `rates`.
IN_DOLLARS: Mapping[str, float] = {"USD": 1.0, "CNY": 0.14, "EUR": 1.15}
_IN_WORDS = ", ".join(f"{name} {worth:g} USD" for name, worth in IN_DOLLARS.items() if name != "USD")


def currency_code(name: str) -> str:
    """Return the code of a currency (ISO 4217), whatever its case; Dify calls yuan RMB."""
    code = name.strip().upper()
    return "CNY" if code == "RMB" else code


class PriceSettings(Section):
    """What a model costs for a million tokens; a bare number is both ways."""

    input: Float = Field(ge=0, description="Tokens that are sent.")
    output: Float = Field(ge=0, description="Tokens of the answer, thinking among them.")
    cached: Float | None = Field(
        None, ge=0, description="Those sent that the vendor had kept; absent: as `input`."
    )
    currency: str = Field("USD", min_length=1, max_length=8, description="USD, CNY, …")


Price = Annotated[PriceSettings, _PRICED]


class BudgetSettings(Section):
    """One budget: what each of somebody may spend in a day or a month."""

    per: Literal["user", "group", "bot", "workflow", "provider", "all"] = Field(
        "all", description="Each user, group, bot, workflow or provider has it, or all share it."
    )
    who: str = Field(
        "*",
        min_length=1,
        description="Pattern of those it is for: console/lin, dingtalk/*, console/default, …",
    )
    every: Literal["day", "month"] = Field("day", description="Begins anew each day or month, local time.")
    tokens: Int | None = Field(None, ge=1, description="Tokens, sent and answered together.")
    money: Float | None = Field(None, gt=0, description="In `budgets.currency`.")
    soft: Float | None = Field(
        None, gt=0, le=1, description="Share of it from which on a cheaper model answers; absent: never."
    )
    cheaper: str = Field(
        "", description="That model: model, or provider/model; empty: the cheapest whose price is known."
    )

    @model_validator(mode="after")
    def _of_something(self) -> BudgetSettings:
        if self.tokens is None and self.money is None:
            raise ValueError("needs `tokens` or `money`")
        return self


class BudgetsSettings(Section):
    """The `budgets:` section."""

    limits: tuple[BudgetSettings, ...] = Field((), description="All hold; the first that is spent decides.")
    notice: str = Field(
        "抱歉，您的用量已达上限，请稍后再试。", description="Sent to who asks when a budget is spent."
    )
    currency: str = Field("USD", min_length=1, max_length=8, description="What `money` is in.")
    rates: dict[str, Annotated[Float, Field(gt=0)]] = Field(
        default_factory=dict,
        description="What one of another currency is worth in `currency`, where that is known better than by "
        f"MindBot: {_IN_WORDS}.",
    )

    def worth(self) -> dict[str, float]:
        """Return what one of each currency is worth in `currency`, by its code, as far as that is known.

        What MindBot knows is against US dollars, and stands where a dollar has a rate, given or known.
        """
        own = currency_code(self.currency)
        given = {currency_code(name): rate for name, rate in self.rates.items()}
        dollar = given.get("USD") or (1 / IN_DOLLARS[own] if own in IN_DOLLARS else None)
        known = {} if dollar is None else {name: worth * dollar for name, worth in IN_DOLLARS.items()}
        return {**known, **given, own: 1.0}


def priced(value: Any) -> PriceSettings:
    """Read a price as a configuration writes it; raises pydantic's ValidationError."""
    if isinstance(value, int | float):
        value = {"input": value, "output": value}
    return PriceSettings.model_validate(value)
