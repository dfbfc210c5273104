"""What a call cost: by what its vendor says, and by prices in whatever currency."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from managed_providers import Answering, Managed

from mindbot.config.parts import read
from mindbot.domain.chat import Usage
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
