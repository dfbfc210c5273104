"""What answers cost, who is charged, and what happens when nothing is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import anyio
import pytest
from managed_providers import Managed, openai, scripted
from pydantic import ValidationError

from mindbot import registry
from mindbot.config.parts import read
from mindbot.config.spending import BudgetsSettings
from mindbot.domain.chat import ChatRequest, Chunk, Chunks, Usage
from mindbot.domain.errors import BudgetSpent, Overloaded, StoreError
from mindbot.domain.message import Json
from mindbot.domain.spending import BILLION, DaySpent, Payer
from mindbot.http.client import HttpClient
from mindbot.providers.management.budgets import Ledger
from mindbot.providers.management.prices import Prices
from mindbot.providers.management.standing import Standing
from mindbot.store.sqlite import SqliteStore
from mindbot.testing.stores.memory.spending import MemorySpending
from mindbot.testing.stores.memory.store import MemoryStore
from mindbot.testing.stores.memory.tables import Tables

pytestmark = pytest.mark.anyio

LIN = Payer("console/lin", "", "console/default", "")
DAY = 86400.0


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    async with HttpClient() as client:
        yield client


@pytest.fixture
def tables() -> Tables:
    return Tables()


@pytest.fixture
async def store(tables: Tables) -> AsyncIterator[MemoryStore]:
    made = MemoryStore(tables)
    async with made.opened():
        yield made


def prices(providers: Json, table: Json | None = None, **budgets: Any) -> Prices:
    config = read({"providers": providers, "prices": table or {}, "budgets": budgets})
    return Prices(config.providers, config.prices, config.budgets)


async def test_a_price_is_the_models_own_the_operators_or_that_of_the_table() -> None:
    entry = {"type": "scripted", "models": [{"name": "own", "price": 1}, "known", "gpt-4o-2024-08-06"]}
    found = prices({"a": entry, "b": entry | {"models": ["known"]}}, {"known": 7, "b/known": 9})
    assert found.of_a_million("a", "own") == 2
    assert found.of_a_million("a", "known") == 14
    assert found.of_a_million("b", "known") == 18
    assert found.of_a_million("a", "gpt-4o-2024-08-06") == 12.5
    assert found.of_a_million("a", "openai/gpt-4o-mini") == 0.75
    assert found.of_a_million("a", "nobody-knows") is None


async def test_what_a_call_costs_is_exact_to_the_billionth() -> None:
    table = {
        "m": {"input": 3, "output": 15, "cached": 0.3},
        "yuan": {"input": 10, "output": 0, "currency": "CNY"},
    }
    found = prices({}, {**table, "odd": {"input": 1, "output": 1, "currency": "XAU"}}, rates={"CNY": 0.125})
    assert found.of_usage("a", "m", Usage(1000, 100, 400)) == (600 * 3000 + 400 * 300 + 100 * 15000)
    assert found.of_usage("a", "yuan", Usage(1_000_000)) == 10 * BILLION // 8
    assert found.of_usage("a", "odd", Usage(1, 1)) is None
    assert found.of_usage("a", "odd", Usage(1, 1, cost=0.5)) == BILLION // 2, "the vendor says so"


async def test_an_answer_is_counted_for_everybody_it_is_for(http: HttpClient, store: MemoryStore) -> None:
    async with openai() as far:
        here = Managed(http, {"a": far.entry}, store=store, prices={"gpt-4": {"input": 10, "output": 20}})
        payer = Payer("console/lin", "console/room", "console/default", "orders")
        await here.ask(payer=payer, stream=True)
        usage = next(chunk.usage for chunk in here.chunks if chunk.usage)
    money = usage.input_tokens * 10_000 + usage.output_tokens * 20_000
    assert here.notes["cost"] == {"money": money / BILLION, "currency": "USD"}
    day = date.fromtimestamp(here.now).isoformat()
    for by, who in [
        ("user", "console/lin"),
        ("group", "console/room"),
        ("bot", "console/default"),
        ("workflow", "orders"),
        ("provider", "a"),
        ("model", "a/gpt-4"),
        ("all", ""),
    ]:
        assert await store.spending.of(by, who, "") == [  # type: ignore[arg-type]
            DaySpent(by, who, day, 1, usage.input_tokens, usage.output_tokens, usage.cached_tokens, money)  # type: ignore[arg-type]
        ]
    (row,) = await here.manager.status()
    assert (row.calls_today, row.input_tokens_today) == (1, usage.input_tokens)
    assert row.money_today == money / BILLION


async def test_what_was_answered_while_the_disk_was_full_is_counted_later(
    http: HttpClient, store: MemoryStore, tables: Tables
) -> None:
    here = Managed(http, {"a": scripted("me")}, store=store)
    tables.error = StoreError("the disk is full")
    await here.ask()
    tables.error = None
    await here.ask()
    assert [each.calls for each in await store.spending.since("", "all")] == [2]


async def test_an_answer_has_no_end_where_nothing_can_be_counted_any_more(http: HttpClient) -> None:
    store = MemoryStore()
    async with store.opened():
        here = Managed(http, {"a": scripted("me")}, store=store)
    with pytest.raises(StoreError, match="closed"):
        await here.ask()
    assert not any(chunk.finish for chunk in here.chunks)


async def test_a_broken_answer_is_paid_for_too(http: HttpClient, store: MemoryStore) -> None:
    async with openai("end-early:after=12") as broken:
        here = Managed(http, {"a": broken.entry, "b": scripted("me")}, ("b",), store=store)
        await here.ask("a question whose answer is long enough to break off in its middle", stream=True)
    sums = {each.who: each for each in await store.spending.since("", "provider")}
    assert sums["a"].output_tokens > 0 and sums["b"].calls == 1


class _SlowSums(MemorySpending):
    """Takes until ``ready`` to read a sum."""

    ready: anyio.Event

    async def settled(self) -> None:
        await self.ready.wait()


async def test_a_stop_while_an_answer_is_being_counted_loses_nothing(
    http: HttpClient, store: MemoryStore, tables: Tables
) -> None:
    sums = _SlowSums(tables, store)
    sums.ready = anyio.Event()
    here = Managed(http, {"a": scripted("me")}, standing=Standing(spending=sums))
    turn = anyio.CancelScope()

    async def ask() -> None:
        with turn:
            await here.ask(payer=LIN)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(here.standing.ledger.spent, "user", LIN.user, "day")
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        turn.cancel()
        await anyio.wait_all_tasks_blocked()
        sums.ready.set()
    assert turn.cancelled_caught and not any(chunk.finish for chunk in here.chunks)
    assert (await here.standing.ledger.spent("user", LIN.user, "day")).calls == 1


class _Breaking:
    """Tells what it took, and breaks off before it says anything."""

    async def chat(self, request: ChatRequest) -> Chunks:
        yield Chunk(usage=Usage(70, 8))
        raise Overloaded("broken off")


async def test_an_answer_that_breaks_off_before_its_first_word_costs_what_it_took(
    http: HttpClient, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = type("Kind", (), {"build": staticmethod(lambda *_: _Breaking())})
    load = registry.load
    monkeypatch.setattr(registry, "load", lambda group, name: kind if name == "ollama" else load(group, name))
    entries = {"a": {"type": "ollama", "models": ["m"]}, "b": scripted("me")}
    assert await Managed(http, entries, ("b",), store=store).ask() == "me"
    sums = {each.who: each for each in await store.spending.since("", "provider")}
    assert (sums["a"].calls, sums["a"].input_tokens) == (2, 140)


async def test_the_trace_tells_what_broken_answers_cost_too(http: HttpClient, store: MemoryStore) -> None:
    async with openai("cut-stream:after=6") as broken, openai() as well:
        here = Managed(http, {"a": broken.entry, "b": well.entry}, ("b",), store=store)
        await here.ask("a question whose answer is long enough to break off in its middle", stream=True)
    (total,) = await store.spending.of("all", "", "")
    assert total.calls == 2
    cost = {"money": total.money / BILLION, "currency": "USD", "estimated": True}
    assert here.notes["cost"] == cost


async def test_who_has_nothing_left_is_told_and_nobody_is_asked(http: HttpClient, store: MemoryStore) -> None:
    budgets = {"limits": [{"per": "user", "tokens": 6}]}
    async with openai() as far:
        here = Managed(http, {"a": far.entry}, store=store, budgets=budgets)
        await here.ask(payer=LIN)
        with pytest.raises(BudgetSpent, match="user console/lin"):
            await here.ask(payer=LIN)
        assert far.counters["requests"] == 1
        await here.ask(payer=Payer("console/mei"))
        here.now += DAY
        await here.ask(payer=LIN)


async def test_a_months_budget_lasts_over_days_and_a_restart(http: HttpClient, store: MemoryStore) -> None:
    budgets = {"limits": [{"per": "bot", "who": "console/*", "tokens": 6, "every": "month"}]}
    here = Managed(http, {"a": scripted("a long enough answer")}, store=store, budgets=budgets)
    await here.ask(payer=LIN)
    again = Managed(http, {"a": scripted("x")}, store=store, budgets=budgets, now=here.now + DAY)
    with pytest.raises(BudgetSpent):
        await again.ask(payer=LIN)
    again.now += 31 * DAY
    assert await again.ask(payer=LIN) == "x"


async def test_a_soft_limit_has_a_cheaper_model_answer(http: HttpClient, store: MemoryStore) -> None:
    async with openai() as far:
        models = [
            {"name": "dear", "price": 10},
            {"name": "cheap", "price": 1},
            {"name": "fair", "price": 2},
        ]
        limit: Json = {"per": "all", "tokens": 1000, "soft": 0.001}
        here = Managed(http, {"a": {**far.entry, "models": models}}, store=store, budgets={"limits": [limit]})
        for _ in range(2):
            await here.ask()
        assert [request.body["model"] for request in far.requests] == ["dear", "cheap"]
        assert here.notes["choice"] == "budget" and "of all" in here.notes["budget"]
        named = {"limits": [{**limit, "cheaper": "a/fair"}]}
        here = Managed(http, {"a": {**far.entry, "models": models}}, store=store, budgets=named)
        await here.ask()
        assert far.requests[-1].body["model"] == "fair"


async def test_a_provider_without_money_left_gives_way(http: HttpClient, store: MemoryStore) -> None:
    budgets = {"limits": [{"per": "provider", "who": "a", "money": 0.000001}]}
    entries = {"a": scripted("a", models=[{"name": "m", "price": 1}]), "b": scripted("b")}
    here = Managed(http, entries, ("b",), store=store, budgets=budgets)
    assert [await here.ask() for _ in range(3)] == ["a", "b", "b"]
    assert await here.ask(provider="a") == "b"
    alone = Managed(http, {"a": entries["a"]}, store=store, budgets=budgets)
    with pytest.raises(BudgetSpent, match="provider a"):
        await alone.ask()


async def test_what_goes_beyond_a_budget_is_what_was_under_way(http: HttpClient, store: MemoryStore) -> None:
    here = Managed(http, {"a": scripted("me")}, store=store, budgets={"limits": [{"tokens": 1}]})
    told = []

    async def ask() -> None:
        try:
            await here.ask()
        except BudgetSpent:
            told.append(1)

    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(ask)
    await ask()
    (total,) = await store.spending.since("", "all")
    assert total.calls + len(told) == 11 and told


async def test_sums_in_memory_are_those_on_disk(store: MemoryStore) -> None:
    ledger = Ledger(store.spending)
    lin = DaySpent("user", "lin", ledger.today, 1, 2, 3, 0, 5)
    async with anyio.create_task_group() as tasks:
        for n in range(30):
            tasks.start_soon(ledger.count, [lin, lin])
            if n % 10 == 5:  # one that reads the sum while others count
                tasks.start_soon(ledger.spent, "user", "lin", "day")
    (there,) = await store.spending.of("user", "lin", "")
    assert (
        await ledger.spent("user", "lin", "day")
        == there
        == await Ledger(store.spending).spent("user", "lin", "month")
    )
    assert there.calls == 60


_CHILD = """
import os, signal, sys
from pathlib import Path
import anyio
from managed_providers import Managed, scripted
from mindbot.domain.ports.store import Kept
from mindbot.domain.spending import Payer
from mindbot.http.client import HttpClient
from mindbot.store.sqlite import SqliteStore

async def main():
    async with SqliteStore.open(Path(sys.argv[1])) as store, HttpClient() as http:
        here = Managed(http, {"a": scripted("me")}, store=store)
        for n in range(7):
            await here.ask(payer=Payer("console/lin"))
            await store.keep.write([Kept("console", "default", "turn", {"n": n})])  # as the end of its turn
            print(n, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

anyio.run(main)
"""


@pytest.mark.full
async def test_a_killed_process_has_lost_nothing_that_was_answered(tmp_path: Path) -> None:
    path = tmp_path / "mindbot.db"
    ran = await anyio.run_process(
        [sys.executable, "-c", _CHILD, str(path)],
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        stderr=subprocess.DEVNULL,
    )
    assert ran.returncode == -signal.SIGKILL and len(ran.stdout.split()) == 7
    async with SqliteStore.open(path) as store:
        (spent,) = await store.spending.of("user", "console/lin", "")
        assert spent.calls == 7


def test_a_budget_is_of_something() -> None:
    with pytest.raises(ValidationError, match="tokens"):
        read({"budgets": {"limits": [{"per": "user"}]}})
    assert BudgetsSettings().notice
