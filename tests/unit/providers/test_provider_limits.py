"""Our own limits on a provider."""

from __future__ import annotations

from itertools import pairwise

import anyio
import pytest
from managed_providers import Managed, openai

from mindbot.domain.errors import Overloaded, RateLimited
from mindbot.http.client import HttpClient
from mindbot.providers.shared.limits import CallLimits

pytestmark = pytest.mark.anyio


async def test_no_more_calls_at_once_than_allowed() -> None:
    running = most = 0

    async def call() -> None:
        nonlocal running, most
        await limits.enter(10)
        running += 1
        most = max(most, running)
        await anyio.sleep(0.001)
        running -= 1
        limits.leave()

    limits = CallLimits("acme", concurrency=3)
    async with anyio.create_task_group() as tasks:
        for _ in range(12):
            tasks.start_soon(call)
    assert (most, running) == (3, 0)


async def test_a_wait_for_a_slot_is_bounded() -> None:
    limits = CallLimits("acme", concurrency=1)
    await limits.enter(1)
    with pytest.raises(Overloaded):
        await limits.enter(0.01)
    limits.leave()
    await limits.enter(0.01)


async def test_a_cancelled_wait_takes_no_slot() -> None:
    limits = CallLimits("acme", concurrency=1)
    await limits.enter(1)
    with anyio.move_on_after(0.01):
        await limits.enter(10)
    limits.leave()
    await limits.enter(0.01)


async def test_who_gives_up_has_taken_nothing_of_the_rates() -> None:
    limits = CallLimits("acme", rate=2, per=60)
    for _ in range(2):
        await limits.enter(10)
        limits.leave()
    for _ in range(4):
        with anyio.move_on_after(0.01):
            await limits.enter(3600)
    with pytest.raises(RateLimited) as caught:
        await limits.enter(10)
    assert 50 < caught.value.retry_after <= 60, "two calls were made, and no others wait"
    limits = CallLimits("acme", concurrency=1, tokens=100)
    await limits.enter(1, 10)
    with anyio.move_on_after(0.01):  # its user stops it while it waits for a slot
        await limits.enter(60, 90)
    with pytest.raises(Overloaded):
        await limits.enter(0.01, 90)
    limits.leave()
    await limits.enter(0, 50)


async def test_other_numbers_hold_at_once_and_what_was_before_counts() -> None:
    limits = CallLimits("acme", concurrency=1, rate=3)
    await limits.enter(0)
    limits.leave()
    await limits.enter(0)
    limits.adjust(concurrency=2, rate=4, tokens=0)
    await limits.enter(0)
    with pytest.raises(Overloaded):
        await limits.enter(0.01)
    limits.adjust(concurrency=0, rate=4, tokens=0)
    await limits.enter(0)
    limits.adjust(concurrency=0, rate=2, tokens=0)
    with pytest.raises(RateLimited):
        await limits.enter(10)


async def test_calls_beyond_the_rate_wait_for_the_window() -> None:
    limits = CallLimits("acme", rate=3, per=0.05)
    begun = anyio.current_time()
    for _ in range(7):
        await limits.enter(10)
        limits.leave()
    # Two windows have to pass before the seventh may start; a busy machine only makes it later.
    assert anyio.current_time() - begun >= 0.099


async def test_a_call_that_would_wait_too_long_is_told_when_to_come_back() -> None:
    limits = CallLimits("acme", rate=2, per=60)
    for _ in range(2):
        await limits.enter(0)
    for _ in range(2):  # who was refused has taken nothing
        with pytest.raises(RateLimited) as caught:
            await limits.enter(10)
        assert 59 < caught.value.retry_after <= 60


async def test_without_limits_nobody_waits() -> None:
    limits = CallLimits("acme")
    for _ in range(100):
        await limits.enter(0)


async def test_tokens_beyond_the_limit_wait_for_the_window() -> None:
    limits = CallLimits("acme", tokens=100, per=0.05)
    starts = []
    for _ in range(3):
        entry = await limits.enter(10, 60)
        starts.append(entry.start)
        limits.leave()
    assert all(later - earlier > 0.049 for earlier, later in pairwise(starts))
    limits = CallLimits("acme", tokens=100, per=60)
    await limits.enter(10, 60)
    limits.leave()
    with pytest.raises(RateLimited) as caught:
        await limits.enter(10, 60)
    assert 50 < caught.value.retry_after <= 60, "the window and no longer"


async def test_what_a_call_really_took_counts_once_it_is_known() -> None:
    limits = CallLimits("acme", tokens=100, per=60)
    for _ in range(2):
        entry = await limits.enter(0, 60)
        limits.settle(entry, 30)
    with pytest.raises(RateLimited) as caught:
        await limits.enter(10, 60)
    assert "100 tokens a minute" in str(caught.value) and 59 < caught.value.retry_after <= 60
    await limits.enter(0, 10)


async def test_a_call_larger_than_the_limit_waits_until_it_is_alone() -> None:
    limits = CallLimits("acme", tokens=100, per=60)
    await limits.enter(0, 500)
    with pytest.raises(RateLimited):
        await limits.enter(0, 1)


async def test_embeddings_and_pings_are_counted_and_embeddings_keep_to_the_limits() -> None:
    async with HttpClient() as http, openai() as far:
        here = Managed(http, {"a": {**far.entry, "rate_limit": 2, "timeout": 10}})
        tally = here.standing.tally("a")
        for _ in range(2):
            await here.manager.embed(["one", "two"], provider="a", model="text-embedding-3-small")
        assert (tally.calls_a_minute, tally.share, tally.latency) == (2, 1.0, None)
        assert tally.totals["key", "answered"] == 2 and tally.tokens_a_minute > 0
        with pytest.raises(RateLimited):
            await here.manager.embed(["three"], provider="a", model="text-embedding-3-small")
        assert far.counters["requests"] == 2, "nobody was asked, and no key is to blame"
        assert here.manager.get("a") and tally.share == 1.0 and tally.in_flight == 0
        await here.manager.ping("a")
        assert tally.calls_a_minute == 3
    async with HttpClient() as http, openai("503") as far:
        here = Managed(http, {"a": far.entry})
        with pytest.raises(Overloaded):
            await here.manager.embed(["one"], provider="a", model="text-embedding-3-small")
        assert [error.kind for error in here.standing.tally("a").errors] == ["overloaded"]
