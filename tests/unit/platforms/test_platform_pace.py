"""Buckets, quotas and gates: who may call when, and who is sent away."""

import anyio
import pytest

from mindbot.domain.errors import LONGEST_WAIT, RateLimited
from mindbot.platforms.pace import Gate, Pace, Quota

pytestmark = pytest.mark.anyio


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_who_would_wait_too_long_is_told_when_to_come_back_and_takes_no_place() -> None:
    clock = Clock()
    pace = Pace(1, per=60, burst=1, clock=clock)
    await pace.turn()
    for _ in range(3):
        with pytest.raises(RateLimited) as caught:
            await pace.turn(patience=5)
        assert caught.value.retry_after == 60
        assert caught.value.scope == "session"
    clock.now += 60
    await pace.turn(patience=0)


async def test_a_held_pace_sends_away_instead_of_letting_a_delivery_time_out() -> None:
    clock = Clock()
    pace = Pace(100, clock=clock)
    pace.hold(300)
    with pytest.raises(RateLimited) as caught:
        await pace.turn()
    assert caught.value.retry_after == pytest.approx(300, abs=1)


async def test_a_quota_lets_its_number_through_at_once_and_no_more_in_any_window() -> None:
    clock = Clock()
    quota = Quota(10, 60.0, clock=clock)
    taken: list[float] = []
    for _ in range(400):
        while quota.wait() == 0:
            quota.take()
            taken.append(clock.now)
        clock.now += 0.7
    assert len([at for at in taken if at == 1000.0]) == 10
    for first in taken:
        assert len([at for at in taken if first <= at < first + 60]) <= 10
    assert len(taken) >= 40  # it does not hold back much more than it has to


async def test_a_gate_holds_all_its_quotas() -> None:
    clock = Clock()
    gate = Gate(Quota(10, 60.0, clock=clock), Quota(12, 3600.0, clock=clock), clock=clock)
    for minute in (10, 2):
        for _ in range(minute):
            async with gate.passing():
                pass
        with pytest.raises(RateLimited):
            async with gate.passing():
                pass
        clock.now += 61
    with pytest.raises(RateLimited) as caught:
        async with gate.passing():
            pass
    assert caught.value.retry_after == LONGEST_WAIT, "then it is asked again"


async def test_a_closed_gate_opens_by_itself() -> None:
    clock = Clock()
    gate = Gate(clock=clock)
    gate.hold(60)
    with pytest.raises(RateLimited) as caught:
        async with gate.passing():
            pass
    assert caught.value.retry_after == 60
    clock.now += 60
    async with gate.passing():
        pass


async def test_too_many_at_once_become_fewer_and_then_more_again() -> None:
    gate = Gate(at_once=8)
    inside = most = 0
    go_on = anyio.Event()

    async def call() -> None:
        nonlocal inside, most
        async with gate.passing():
            inside += 1
            most = max(most, inside)
            await go_on.wait()
            await anyio.lowlevel.checkpoint()
            inside -= 1

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(call)
        await anyio.wait_all_tasks_blocked()
        assert inside == 8
        gate.fewer()
        assert gate.at_once == 4
        go_on.set()
    assert inside == 0
    most = 0
    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(call)
    assert most == 4
    for _ in range(4 + 5 + 6 + 7):
        gate.well()
    assert gate.at_once == 8
    gate.well()
    assert gate.at_once == 8


async def test_a_caller_that_is_cancelled_passes_its_place_on() -> None:
    gate = Gate(at_once=1)
    passed: list[str] = []
    go_on = anyio.Event()

    async def holder() -> None:
        async with gate.passing():
            await go_on.wait()

    async def waiter(name: str, scope: anyio.CancelScope) -> None:
        with scope:
            async with gate.passing():
                passed.append(name)

    first, second = anyio.CancelScope(), anyio.CancelScope()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(holder)
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(waiter, "first", first)
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(waiter, "second", second)
        await anyio.wait_all_tasks_blocked()
        go_on.set()
        await anyio.lowlevel.checkpoint()
        first.cancel()
    assert "second" in passed
    async with gate.passing(patience=0):
        pass


async def test_nobody_waits_for_ever_for_one_who_does_not_leave() -> None:
    gate = Gate(at_once=1)
    async with gate.passing():
        with pytest.raises(RateLimited):
            async with gate.passing(patience=0.01):
                pass
    async with gate.passing(patience=0):
        pass


async def test_a_place_that_is_far_is_not_waited_for() -> None:
    clock = Clock()
    pace = Pace(1, burst=1, clock=clock)
    assert await pace.soon(0)
    assert not await pace.soon(0.5)
    clock.now += 0.99
    assert await pace.soon(0.5)  # ten milliseconds, by the real clock


async def test_held_a_pace_lets_nobody_through() -> None:
    clock = Clock()
    pace = Pace(10, clock=clock)
    pace.hold(5)
    assert not pace.free() and not await pace.soon(4)
    clock.now += 5
    assert pace.free()


def test_in_no_second_are_there_more_than_allowed() -> None:
    clock = Clock()
    pace = Pace(15, burst=1, clock=clock)
    taken = []
    for _ in range(3000):
        clock.now += 0.001
        if pace.free():
            taken.append(clock.now)
    for start in taken:
        assert sum(start <= at < start + 1 for at in taken) <= 16
