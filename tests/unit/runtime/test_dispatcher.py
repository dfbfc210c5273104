"""Order inside a session, sessions side by side, bots fair, nothing forgotten."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from mindbot.domain import ids
from mindbot.domain.errors import StoreFull
from mindbot.domain.message import Message, text_part
from mindbot.domain.turn import Turn
from mindbot.runtime import suspicion
from mindbot.runtime.dispatcher import Dispatcher
from mindbot.runtime.suspicion import SURVIVED, Suspects
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio


def a_turn(user: str, text: str, bot: str = "default") -> Turn:
    message = Message("console", bot, text, f"{bot}:{user}", user, "text", (text_part(text),), {})
    return Turn(ids.new_id(), message)


async def nothing_on_disk(after: int, limit: int) -> list[Turn]:
    return []


@asynccontextmanager
async def running(work: Callable[[Turn], Awaitable[None]], **options: Any) -> AsyncIterator[Dispatcher]:
    dispatcher = Dispatcher(work, options.pop("refill", nothing_on_disk), **options)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(dispatcher.run)
        await anyio.lowlevel.checkpoint()
        yield dispatcher
        tasks.cancel_scope.cancel()


async def test_order_is_exact_inside_each_session() -> None:
    seen: dict[str, list[str]] = defaultdict(list)
    done = anyio.Event()
    left = 50 * 20

    async def work(turn: Turn) -> None:
        nonlocal left
        await anyio.lowlevel.checkpoint()
        seen[turn.session].append(turn.message.text)
        left -= 1
        if not left:
            done.set()

    async with running(work, max_running=7) as dispatcher:
        for n in range(20):
            for user in range(50):
                dispatcher.submit(a_turn(f"u{user}", f"{n:02}"))
        with anyio.fail_after(PATIENCE):
            await done.wait()
    assert len(seen) == 50
    assert all(texts == [f"{n:02}" for n in range(20)] for texts in seen.values())


async def test_a_session_that_hangs_delays_no_other() -> None:
    release, others = anyio.Event(), []

    async def work(turn: Turn) -> None:
        if turn.message.sender == "slow":
            await release.wait()
        else:
            others.append(turn)

    async with running(work, max_running=2) as dispatcher:
        for n in range(3):
            dispatcher.submit(a_turn("slow", f"{n}"))
        for n in range(30):
            dispatcher.submit(a_turn(f"u{n}", "x"))
        with anyio.fail_after(PATIENCE):
            while len(others) < 30:
                await anyio.lowlevel.checkpoint()
        assert dispatcher.running == 1
        release.set()


async def test_a_flooding_bot_leaves_the_other_its_turn() -> None:
    order: list[str] = []

    async def work(turn: Turn) -> None:
        await anyio.lowlevel.checkpoint()
        order.append(turn.message.bot)

    async with running(work, max_running=1) as dispatcher:
        for n in range(100):
            dispatcher.submit(a_turn(f"f{n}", "x", "flood"))
        dispatcher.submit(a_turn("quiet", "x", "calm"))
        with anyio.fail_after(PATIENCE):
            while len(order) < 101:
                await anyio.lowlevel.checkpoint()
    assert order.index("calm") <= 3


async def test_a_bot_uses_only_its_own_slots() -> None:
    release, calm = anyio.Event(), anyio.Event()

    async def work(turn: Turn) -> None:
        if turn.message.bot == "hung":
            await release.wait()
        else:
            calm.set()

    async with running(work, max_running=4, max_per_bot=3) as dispatcher:
        for n in range(10):
            dispatcher.submit(a_turn(f"h{n}", "x", "hung"))
        dispatcher.submit(a_turn("c", "x", "calm"))
        with anyio.fail_after(PATIENCE):
            await calm.wait()
        release.set()


@pytest.mark.full
async def test_past_the_backlog_turns_wait_on_disk_and_keep_their_order() -> None:
    disk: list[Turn] = []
    seen: list[str] = []
    failures = 1

    async def refill(after: int, limit: int) -> list[Turn]:
        nonlocal failures
        if failures:
            failures -= 1
            raise StoreFull("no space")
        return [t for t in disk if t.number > after][:limit]

    async def work(turn: Turn) -> None:
        await anyio.lowlevel.checkpoint()
        seen.append(turn.message.text)

    async with running(work, max_running=2, backlog=10, refill=refill) as dispatcher:
        for n in range(200):
            turn = a_turn(f"u{n % 3}", f"{n:03}")
            disk.append(turn)
            dispatcher.submit(turn)
        assert dispatcher.queued <= 10
        with anyio.fail_after(PATIENCE):
            while len(seen) < 200:
                await anyio.sleep(0.001)
        late = a_turn("u0", "200")
        disk.append(late)
        dispatcher.submit(late)
        with anyio.fail_after(PATIENCE):
            while len(seen) < 201:
                await anyio.sleep(0.001)
    for user in range(3):
        mine = [text for text in seen[:200] if int(text) % 3 == user]
        assert mine == sorted(mine)
    assert len(set(seen)) == 201


async def test_who_waits_too_long_for_a_slot_is_known() -> None:
    now = 0.0
    release = anyio.Event()

    async def work(turn: Turn) -> None:
        await release.wait()

    async with running(work, max_running=1, clock=lambda: now) as dispatcher:
        dispatcher.submit(a_turn("a", "runs"))
        dispatcher.submit(a_turn("a", "waits behind its own session"))
        dispatcher.submit(a_turn("b", "waits for a slot"))
        assert dispatcher.overdue(5) == []
        now = 6.0
        assert [t.message.text for t in dispatcher.overdue(5)] == ["waits for a slot"]
        dispatcher.close()
        assert dispatcher.overdue(5) == [], "it waits for the next start, and that is no overload"
        release.set()


async def test_drain_waits_for_what_runs_and_starts_nothing_more() -> None:
    release, ran = anyio.Event(), []

    async def work(turn: Turn) -> None:
        await release.wait()
        ran.append(turn.message.text)

    async with running(work, max_running=1) as dispatcher:
        dispatcher.submit(a_turn("a", "first"))
        dispatcher.submit(a_turn("b", "second"))
        await anyio.lowlevel.checkpoint()
        dispatcher.close()
        release.set()
        with anyio.fail_after(PATIENCE):
            await dispatcher.drained()
    assert ran == ["first"]


async def test_an_old_turn_that_is_run_again_does_not_wait_on_disk() -> None:
    release, seen = anyio.Event(), []
    old = a_turn("old", "again")

    async def work(turn: Turn) -> None:
        seen.append(turn.message.text)
        await release.wait()

    async with running(work, max_running=1, backlog=2) as dispatcher:
        for n in range(5):
            dispatcher.submit(a_turn(f"u{n}", str(n)))
        dispatcher.submit(old)
        release.set()
        with anyio.fail_after(PATIENCE):
            while "again" not in seen:
                await anyio.lowlevel.checkpoint()


async def test_bots_of_a_higher_priority_go_first_and_nobody_starves() -> None:
    order: list[str] = []

    async def work(turn: Turn) -> None:
        await anyio.lowlevel.checkpoint()
        order.append(turn.message.bot)

    priority = {"vip": 1, "bulk": -1}
    async with running(work, max_running=1, priority=lambda name: priority.get(name[1], 0)) as dispatcher:
        dispatcher.submit(a_turn("first", "takes the only slot"))
        for n in range(40):
            for bot in ("bulk", "vip"):
                dispatcher.submit(a_turn(f"{bot}{n}", "x", bot))
        with anyio.fail_after(PATIENCE):
            while len(order) < 81:
                await anyio.lowlevel.checkpoint()
    assert order[1:8].count("vip") >= 6
    assert "bulk" in order[1:20], "one pick in eight begins at the low end"


async def test_by_default_one_bot_leaves_slots_to_the_others() -> None:
    release, calm = anyio.Event(), anyio.Event()

    async def work(turn: Turn) -> None:
        if turn.message.bot == "hung":
            await release.wait()
        else:
            calm.set()

    async with running(work, max_running=20) as dispatcher:
        for n in range(30):
            dispatcher.submit(a_turn(f"h{n}", "x", "hung"))
        dispatcher.submit(a_turn("c", "x", "calm"))
        with anyio.fail_after(PATIENCE):
            await calm.wait()
        assert dispatcher.running == 18
        release.set()


async def test_suspects_run_one_at_a_time_the_least_suspicious_first_and_hold_up_nobody_else() -> None:
    go, seen, done = anyio.Event(), list[str](), anyio.Event()

    async def work(turn: Turn) -> None:
        seen.append(turn.message.text)
        if turn.attempt > 1:
            await go.wait()
        if len(seen) == 5:
            done.set()

    def alone(turn: Turn) -> float | None:
        return 0.0 if turn.attempt > 1 else None

    suspects = [a_turn(f"u{n}", f"suspect {n}") for n in (4, 2, 3)]
    for turn in suspects:
        turn.attempt = int(turn.message.text[-1])
    async with running(work, suspects=Suspects(alone, lambda: 0.0), clock=lambda: 0.0) as dispatcher:
        for turn in suspects:
            dispatcher.submit(turn)
        dispatcher.submit(a_turn("u2", "behind it"))
        dispatcher.submit(a_turn("u9", "free"))
        while len(seen) < 2:
            await anyio.lowlevel.checkpoint()
        assert sorted(seen) == ["free", "suspect 2"] and dispatcher.running == 1
        go.set()
        with anyio.fail_after(PATIENCE):
            await done.wait()
    assert [text for text in seen if text.startswith("suspect")] == ["suspect 2", "suspect 3", "suspect 4"]


async def test_a_suspect_waits_its_time_after_the_start_and_who_wrote_it_is_told() -> None:
    now, seen = 0.0, list[str]()

    async def work(turn: Turn) -> None:
        seen.append(turn.message.text)

    suspects = Suspects(lambda turn: 3600.0, lambda: now)
    async with running(work, suspects=suspects, clock=lambda: now) as dispatcher:
        dispatcher.submit(a_turn("u1", "suspect"))
        await anyio.wait_all_tasks_blocked()
        now = 10.0
        assert [turn.message.text for turn in dispatcher.overdue(5)] == ["suspect"] and not seen


async def test_a_suspect_that_hangs_holds_nobody_up() -> None:
    seen = list[str]()

    async def work(turn: Turn) -> None:
        seen.append(turn.message.text)
        await anyio.sleep_forever()

    now = 0.0
    suspects = Suspects(lambda turn: 0.0, lambda: now)
    async with running(work, suspects=suspects, clock=lambda: now) as dispatcher:
        for name in ("first", "second", "third"):
            dispatcher.submit(a_turn(name, name))
        for now in (0.0, SURVIVED - 0.1, SURVIVED, 2 * SURVIVED):
            suspects.look()
            await anyio.wait_all_tasks_blocked()
            assert len(seen) == 1 + now // SURVIVED
    assert seen == ["first", "second", "third"]


async def test_the_more_crashes_a_suspect_was_in_the_longer_it_runs_alone() -> None:
    now, most = 0.0, 10
    seen = list[int]()

    async def work(turn: Turn) -> None:
        seen.append(turn.attempt)
        await anyio.sleep_forever()

    suspects = Suspects(lambda turn: suspicion.alone(turn, most), lambda: now)
    async with running(work, suspects=suspects, clock=lambda: now) as dispatcher:
        turns = [a_turn(f"u{n}", "x") for n in range(4)]
        for turn, turn.attempt in zip(turns, (4, 4, 5, 6), strict=True):
            dispatcher.submit(turn)
        await anyio.wait_all_tasks_blocked()

        async def at(seconds: float) -> list[int]:
            nonlocal now
            now = seconds
            suspects.look()
            await anyio.wait_all_tasks_blocked()
            return [attempt for attempt in seen if attempt > 1]

        assert await at(1.9) == [4]
        assert await at(2.0) == [4, 4]
        assert await at(11.9) == [4, 4]
        assert await at(12.0) == [4, 4, 5]
        assert await at(29.9) == [4, 4, 5]
        assert await at(30.0) == [4, 4, 5, 6]


@pytest.mark.full
@pytest.mark.parametrize("kills_after", [0.5, 5.0, 20.0])
async def test_whatever_time_it_takes_to_kill_the_culprit_alone_is_given_up(kills_after: float) -> None:
    crashes_of = dict.fromkeys(range(12), 3)  # each was running in three crashes
    ended, most = set[int](), 10

    async def live() -> None:
        """One life of the process, in steps of half a second: until it is killed or nothing is left."""
        now, began = 0.0, dict[int, float]()
        over = {n: anyio.Event() for n in crashes_of}
        suspects = Suspects(lambda turn: suspicion.alone(turn, most), lambda: now)

        async def work(turn: Turn) -> None:
            n = int(turn.message.text)
            if suspicion.buried(turn, most):
                ended.add(n)
                return
            began[n], crashes_of[n] = now, turn.attempt  # counted on disk before it runs
            await over[n].wait()

        async with running(work, suspects=suspects, clock=lambda: now) as dispatcher:
            for n in sorted(crashes_of.keys() - ended):
                turn = a_turn(f"u{n}", str(n))
                turn.attempt = crashes_of[n] + 1
                dispatcher.submit(turn)
            while len(ended) < len(crashes_of):
                await anyio.wait_all_tasks_blocked()
                if 0 in began and now - began[0] >= kills_after:
                    return
                for n in [n for n in began if n and n not in ended and now - began[n] >= 10]:
                    ended.add(n)
                    crashes_of[n] = 0
                    over[n].set()
                now += 0.5
                suspects.look()

    lives = 0
    while len(ended) < len(crashes_of):
        await live()
        lives += 1
        assert lives < 20
    assert crashes_of[0] == most and not any(crashes_of[n] for n in range(1, 12)), "the others were answered"


def test_what_is_suspicious() -> None:
    def waits(most: int) -> list[float | None]:
        turn = a_turn("u", "x")
        found = []
        for turn.attempt in range(1, 12):
            found.append(suspicion.alone(turn, most))
        return found

    assert waits(10) == [None, None, None, 0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, None]
    assert waits(2) == [None, 0.0, *[None] * 9], "given up at the third start"
    assert waits(1) == [None] * 11


async def test_a_turn_that_only_waits_lends_its_slot_to_others() -> None:
    answered, asked, seen = anyio.Event(), anyio.Event(), []

    async def work(turn: Turn) -> None:
        if turn.message.sender == "patient":
            async with dispatcher.lend(turn):
                asked.set()
                await answered.wait()
        seen.append(turn.message.text)

    async with running(work, max_running=1, max_per_bot=1) as dispatcher:
        dispatcher.submit(a_turn("patient", "first"))
        dispatcher.submit(a_turn("patient", "second"))  # its session waits all the same
        with anyio.fail_after(PATIENCE):
            await asked.wait()
            dispatcher.submit(a_turn("other", "between"))
            while seen != ["between"]:
                await anyio.lowlevel.checkpoint()
            answered.set()
            while len(seen) < 3:
                await anyio.lowlevel.checkpoint()
    assert seen == ["between", "first", "second"]


async def test_a_slot_is_lent_once_however_many_steps_of_the_turn_wait() -> None:
    go, lent = anyio.Event(), anyio.Event()

    async def work(turn: Turn) -> None:
        async def step() -> None:
            async with dispatcher.lend(turn):
                lent.set()
                await go.wait()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(step)
            tasks.start_soon(step)
        turn.state = "answered"

    async with running(work) as dispatcher:
        turn = a_turn("lin", "hello")
        dispatcher.submit(turn)
        with anyio.fail_after(PATIENCE):
            await lent.wait()
            await anyio.wait_all_tasks_blocked()
            assert dispatcher.running == 0
            await dispatcher.drained()  # what only waits is not waited for: it goes on at the next start
            go.set()
            while turn.state != "answered" or dispatcher.running:
                await anyio.lowlevel.checkpoint()
        assert dispatcher.running == 0 and not dispatcher.queued
