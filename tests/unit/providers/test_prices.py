"""What a call cost: by what its vendor says, and by prices in whatever currency."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from managed_providers import Answering, Managed
from pydantic import ValidationError

from mindbot.config.parts import read
from mindbot.domain.chat import Usage
from mindbot.domain.errors import BudgetSpent
from mindbot.domain.message import Json
from mindbot.domain.spending import BILLION, Payer
from mindbot.http.client import HttpClient
from mindbot.providers.management.prices import Prices
from mindbot.store.sqlite import SqliteStore

pytestmark = pytest.mark.anyio


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    async with HttpClient() as client:
        yield client


def prices(providers: Json, table: Json | None = None, **budgets: Any) -> Prices:
    config = read({"providers": providers, "prices": table or {}, "budgets": budgets})
    return Prices(config.providers, config.prices, config.budgets)


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": 3, "completion_tokens": 1, "cost": 1e300},
        {"prompt_tokens": 3, "completion_tokens": 1, "cost": 1e12},
        {"prompt_tokens": 9007199254740991, "completion_tokens": 1},
    ],
)
async def test_an_absurd_number_of_a_vendor_costs_nobody_an_answer_or_a_sum(
    http: HttpClient, tmp_path: Any, usage: Json
) -> None:
    choice = {"message": {"role": "assistant", "content": "fine"}, "finish_reason": "stop"}
    async with (
        SqliteStore.open(tmp_path / "x.db") as store,
        Answering({"choices": [choice], "usage": usage}).running() as far,
    ):
        here = Managed(http, {"a": far.entry | {"models": ["gpt-4o"]}}, store=store)
        assert [await here.ask(payer=Payer(who)) for who in ("lin", "mei", "lin")] == ["fine"] * 3
        assert here.notes["cost"]["money"] < 0.01
        assert here.notes.get("cost_not_counted", "1e+300 USD").endswith("USD")
        await store.spending.settled()
        (lin,) = await store.spending.of("user", "lin", "")
        (total,) = await store.spending.of("all", "", "")
        assert (lin.calls, total.calls) == (2, 3)
        assert lin == await here.standing.ledger.spent("user", "lin", "day")


def test_what_no_call_can_cost_is_not_known() -> None:
    found = prices({}, {"m": {"input": 1e300, "output": 1}})
    assert found.of_usage("a", "m", Usage(100_000_000, 1)) is None
    assert found.of_usage("a", "m", Usage(0, 1_000_000, cost=1e300)) == BILLION


async def test_known_prices_have_a_rate_whatever_the_budgets_are_in(http: HttpClient) -> None:
    yuan = prices({}, currency="CNY")
    assert yuan.of_usage("a", "gpt-4o", Usage(1_000_000, 1_000_000)) == round(12.5 / 0.14 * BILLION)
    assert yuan.of_usage("a", "glm-4-plus", Usage(1_000_000)) == 50 * BILLION
    assert yuan.of_usage("a", "nobody-knows", Usage(1, 1, cost=3, currency="RMB")) == 3 * BILLION
    assert prices({}, currency="cny", rates={"usd": 7}).of_a_million("a", "gpt-4o") == 87.5
    pounds = prices({}, currency="GBP", rates={"USD": 0.75})
    assert pounds.of_a_million("a", "gpt-4o") == 9.375
    assert pounds.of_a_million("a", "glm-4-plus") == 100 * 0.14 * 0.75, "what is known is against dollars"
    assert prices({}, currency="GBP").of_a_million("a", "gpt-4o") is None

    choice = {"message": {"role": "assistant", "content": "fine"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1_000_000, "completion_tokens": 1_000_000}
    async with Answering({"choices": [choice], "usage": usage}).running() as far:
        budgets: Json = {"currency": "CNY", "limits": [{"per": "all", "money": 1}]}
        here = Managed(http, {"a": far.entry | {"models": ["gpt-4o"]}}, budgets=budgets)
        await here.ask()
        with pytest.raises(BudgetSpent):
            await here.ask()


@pytest.mark.parametrize("rate", [-1, 0])
def test_a_rate_is_more_than_nothing(rate: float) -> None:
    with pytest.raises(ValidationError, match="greater than 0"):
        read({"budgets": {"rates": {"CNY": rate}}})
