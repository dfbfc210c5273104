"""What is known of providers outlives a reload, and what matters of it a crash."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
from managed_providers import Managed, openai, scripted

from mindbot.domain.errors import Conflict, NotFound, Overloaded, RateLimited, StoreError
from mindbot.http.client import HttpClient
from mindbot.providers.management.breaker import CircuitKey
from mindbot.providers.management.standing import Standing
from mindbot.providers.management.tally import LastError, Tally
from mindbot.store.sqlite import SqliteStore
from mindbot.testing.stores.memory.store import MemoryStore
from mindbot.testing.stores.memory.tables import Tables

pytestmark = pytest.mark.anyio


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    async with HttpClient() as client:
        yield client


async def test_a_reload_neither_loses_nor_stretches_a_wait(http: HttpClient) -> None:
    async with openai("500") as far:
        entries = {"a": far.entry, "b": scripted("me")}
        here = Managed(http, entries, ("b",))
        await here.ask()
        asked = far.counters["requests"]
        until = here.standing.breakers.of(CircuitKey("a", "key", "gpt-4")).until
        here.now += 4
        again = Managed(http, entries, ("b",), standing=here.standing)
        await again.ask()
        assert far.counters["requests"] == asked
        circuit = here.standing.breakers.of(CircuitKey("a", "key", "gpt-4"))
        assert (circuit.until, circuit.waits) == (until, until - here.now)
        here.now = until
        await again.ask()
        assert far.counters["requests"] == asked + 1


@pytest.mark.parametrize("changed", ["api_key", "base_url", "nothing"])
async def test_another_key_under_a_label_does_not_inherit_its_wait(http: HttpClient, changed: str) -> None:
    store, now = MemoryStore(), time.time()
    async with store.opened(), openai("429:code=insufficient_quota") as poor, openai() as well:
        entry = {**poor.entry, "api_key": "fake-old-key"}
        here = Managed(http, {"a": entry, "b": scripted("me")}, ("b",), store=store, now=now)
        assert await here.ask() == "me"
        kept = await store.keep.items("mindbot", "providers", "circuit:", 9)
        assert kept and "fake-old-key" not in str(kept)
        other = {"api_key": "fake-new-key", "base_url": well.base_url, "nothing": ""}[changed]
        entries = {"a": {**entry, changed: other} if other else entry, "b": scripted("me")}
        restarted = Managed(http, entries, ("b",), store=store, now=now)
        await restarted.standing.load()
        reloaded = Managed(http, entries, ("b",), standing=here.standing)
        for each in (restarted, reloaded):
            assert await each.ask() == ("echo: hi" if changed == "base_url" else "me")
        assert poor.counters["requests"] == (3 if changed == "api_key" else 1)


async def test_a_new_secret_lets_a_key_without_money_be_tried(http: HttpClient) -> None:
    async with openai("429:code=insufficient_quota:n=1") as far:
        here = Managed(http, {"a": far.entry, "b": scripted("me")}, ("b",))
        assert await here.ask() == await here.ask() == "me"
        here.standing.forgive_keys(quota=True)
        assert await here.ask() == "echo: hi"


async def test_other_limits_hold_for_the_calls_of_the_old_configuration_too(http: HttpClient) -> None:
    async with openai() as far:
        old = Managed(http, {"a": {**far.entry, "rate_limit": 3, "timeout": 0.5}})
        await old.ask()
        new = Managed(http, {"a": {**far.entry, "rate_limit": 2, "timeout": 0.5}}, standing=old.standing)
        await new.ask()
        for each in (old, new, old, new):
            with pytest.raises(RateLimited):
                await each.ask()
        assert far.counters["requests"] == 2


async def test_a_configuration_that_is_not_in_force_yet_changes_nothing(http: HttpClient) -> None:
    async with openai("401") as far:
        here = Managed(http, {"a": {**far.entry, "rate_limit": 1}, "b": scripted("me")}, ("b",))
        await here.ask()
        reason = here.standing.breakers.of(CircuitKey("a", "key")).reason
        Managed(http, {"other": scripted("x")}, standing=here.standing, begin=False)
        await here.ask()
        assert far.counters["requests"] == 1
        assert here.standing.breakers.of(CircuitKey("a", "key")).reason == reason == "auth"


_CHILD = """
import os, signal, sys
from pathlib import Path
import anyio
from managed_providers import Managed, scripted
from mindbot.http.client import HttpClient
from mindbot.store.sqlite import SqliteStore

async def main():
    async with SqliteStore.open(Path(sys.argv[1])) as store, HttpClient() as http:
        entries = {"a": scripted(error="overloaded"), "poor": scripted(error="quota_exceeded")}
        entries |= {"b": scripted("me")}
        here = Managed(http, entries, ("poor", "b"), store=store, now=float(sys.argv[2]))
        await here.ask()
        await here.manager.switch("b", on=False)
        print(here.failed(), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

anyio.run(main)
"""


@pytest.mark.full
async def test_a_kill_neither_loses_nor_stretches_a_wait(http: HttpClient, tmp_path: Path) -> None:
    now = time.time()
    path = tmp_path / "mindbot.db"
    ran = await anyio.run_process(
        [sys.executable, "-c", _CHILD, str(path), str(now)],
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        stderr=subprocess.DEVNULL,
    )
    assert ran.returncode == -signal.SIGKILL and b"overloaded" in ran.stdout
    async with SqliteStore.open(path) as store:
        entries = {"a": scripted("a"), "b": scripted("b"), "c": scripted("c"), "poor": scripted("poor")}
        here = Managed(http, entries, ("poor", "b", "c"), store=store, now=now + 4)
        await here.standing.load()
        assert await here.ask() == "c"
        assert [skipped["provider"] for skipped in here.notes["skipped"]] == ["a", "poor"]
        waits = {key.provider: c.waits for key, c in here.standing.breakers.items() if c.reason}
        assert waits == {"a": pytest.approx(6, abs=1), "poor": pytest.approx(3596, abs=1)}
        here.now = now + 11
        assert here.standing.breakers.of(CircuitKey("a", "", "default")).state == "half_open"
        assert await here.ask() == "a"
    async with SqliteStore.open(path) as store:
        again = Standing(store.keep, clock=lambda: now + 11)
        await again.load()
        assert [key.provider for key, c in again.breakers.items() if c.reason] == ["poor"]


async def test_what_somebody_switched_off_stays_off(http: HttpClient) -> None:
    tables = Tables()
    for on in (False, True):
        store = MemoryStore(tables)
        async with store.opened():
            here = Managed(http, {"a": scripted("a"), "b": scripted("b")}, ("b",), store=store)
            await here.standing.load()
            assert await here.ask() == ("b" if on else "a")
            row = await here.manager.switch("a", on=on)
            assert (row.state, row.enabled) == (("ok", True) if on else ("off", False))


async def test_what_cannot_be_switched(http: HttpClient) -> None:
    here = Managed(http, {"a": scripted("a", enabled=False)})
    with pytest.raises(Conflict, match="configuration disables"):
        await here.manager.switch("a", on=True)
    with pytest.raises(NotFound):
        await here.manager.switch("b", on=True)


async def test_a_store_that_fails_costs_no_answer_and_is_written_later(http: HttpClient) -> None:
    tables = Tables()
    store = MemoryStore(tables)
    async with store.opened():
        entries = {"a": scripted(error="overloaded"), "b": scripted("me")}
        # What was spent is another matter: an answer that cannot be counted is not handed on.
        standing = Standing(store.keep, clock=time.time)
        here = Managed(http, entries, ("b",), standing=standing)
        tables.error = StoreError("the disk is full")
        assert await here.ask() == "me"
        tables.error = None
        await here.ask()
        kept = await store.keep.items("mindbot", "providers", "circuit:", 9)
        assert [value["reason"] for value in kept.values()] == ["failures"]


async def test_how_a_provider_is_told_in_rows(http: HttpClient) -> None:
    async with openai() as far:
        entries = {
            "a": {**far.entry, "rate_limit": 60, "token_limit": 9000, "concurrency": 4},
            "off": scripted("x", enabled=False),
        }
        here = Managed(http, entries)
        await here.ask(stream=True)
        row, off = await here.manager.status()
        assert (row.state, row.rate_limit, row.token_limit, row.concurrency) == ("ok", 60, 9000, 4)
        assert (row.calls_a_minute, row.success, row.in_flight) == (1, 1.0, 0)
        assert row.tokens_a_minute == row.input_tokens_today + row.output_tokens_today > 0
        assert len(row.latencies) == 1 and row.latency is not None and row.errors == ()
        assert [(c.key, c.model, c.state) for c in row.circuits] == [("key", "gpt-4", "closed")]
        assert off.state == "disabled"
        far.faults.set(["500"])
        with pytest.raises(Overloaded):
            await here.ask()
        (row, *_) = await here.manager.status()
        assert row.errors[0].kind == "overloaded" and row.success == 0.2


def test_late_calls_are_judged_and_old_ones_forgotten() -> None:
    now = 1000.0
    tally = Tally(lambda: now)
    assert (tally.share, tally.latency, tally.latencies) == (None, None, [])
    for seconds in (1.0, 3.0, 2.0):
        tally.begin()
        tally.answered(seconds)
        tally.end(50)
    tally.failed(LastError(now, "overloaded", "HTTP 500"))
    assert (tally.share, tally.latency, tally.calls_a_minute, tally.tokens_a_minute) == (0.75, 2.0, 3, 150)
    now += 61
    assert (tally.calls_a_minute, tally.tokens_a_minute, tally.share) == (0, 0, 0.75)
    now += 600
    assert tally.share is None and tally.errors[0].kind == "overloaded"
