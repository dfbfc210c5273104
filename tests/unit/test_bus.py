"""Observers are lossy and say so; handlers are not."""

from __future__ import annotations

import anyio
import pytest

from mindbot.bus import Bus
from mindbot.domain.errors import Rejected
from mindbot.domain.events import Event
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio


async def test_a_slow_observer_loses_the_oldest_and_is_told_how_many() -> None:
    bus = Bus()
    with bus.observe({"turn"}, capacity=3) as observer:
        for n in range(10):
            bus.publish(Event("turn.queued", data={"n": n}))
        bus.publish(Event("health.changed"))
        events, gap = observer.take()
        assert ([e.data["n"] for e in events], gap) == ([7, 8, 9], 7)
        assert observer.take() == ([], 0)


async def test_control_events_are_never_dropped_and_keep_their_place() -> None:
    bus = Bus()
    with bus.observe(capacity=2) as observer:
        bus.publish(Event("turn.queued"))
        bus.publish(Event("turn.parked"))
        for _ in range(5):
            bus.publish(Event("turn.queued"))
        events, gap = observer.take()
        assert [e.type for e in events] == ["turn.parked", "turn.queued", "turn.queued"]
        assert gap == 4


async def test_nobody_wants_what_nobody_watches() -> None:
    bus = Bus()
    assert not bus.wants("turn")
    with bus.observe({"turn"}):
        assert bus.wants("turn") and not bus.wants("chunk")
    assert not bus.wants("turn")


async def test_a_handler_is_retried_then_its_event_is_given_to_the_dead_letters() -> None:
    calls: list[int] = []
    dead: list[tuple[str, int]] = []

    async def flaky(event: Event) -> None:
        calls.append(event.data["n"])
        if event.data["n"] == 1 or calls.count(0) < 3:
            raise OSError("not now")

    bus = Bus(
        retries=2, backoff=0.001, on_dead=lambda name, event, error: dead.append((name, event.data["n"]))
    )
    bus.subscribe("pager", flaky, {"alert"})
    async with bus.running():
        for n in range(3):
            bus.publish(Event("alert.firing", data={"n": n}))
    assert calls == [0, 0, 0, 1, 1, 1, 2]
    assert dead == [("pager", 1)]


async def test_an_error_that_cannot_get_better_is_not_retried() -> None:
    calls: list[str] = []

    async def refuse(event: Event) -> None:
        calls.append(event.type)
        raise Rejected("never")

    bus = Bus(backoff=0.001)
    bus.subscribe("h", refuse)
    async with bus.running():
        bus.publish(Event("turn.queued"))
    assert calls == ["turn.queued"]


async def test_a_hanging_handler_holds_up_no_other() -> None:
    done = anyio.Event()

    async def hang(event: Event) -> None:
        await anyio.sleep_forever()

    async def work(event: Event) -> None:
        done.set()

    bus = Bus()
    bus.subscribe("hang", hang, priority=10)
    bus.subscribe("work", work)
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:

            async def serve() -> None:
                async with bus.running():
                    await anyio.sleep_forever()

            tasks.start_soon(serve)
            await anyio.wait_all_tasks_blocked()
            bus.publish(Event("turn.queued"))
            await done.wait()
            tasks.cancel_scope.cancel()


async def test_a_handler_comes_and_goes_while_the_bus_runs() -> None:
    seen: list[int] = []

    async def see(event: Event) -> None:
        seen.append(event.data["n"])

    bus = Bus()
    async with bus.running():
        bus.publish(Event("turn.queued", data={"n": 0}))
        async with bus.handling("late", see, {"turn"}):
            assert bus.wants("turn") and not bus.wants("chunk")
            bus.publish(Event("turn.queued", data={"n": 1}))
            bus.publish(Event("turn.queued", data={"n": 2}))
        assert not bus.wants("turn")
        bus.publish(Event("turn.queued", data={"n": 3}))
    assert seen == [1, 2]
    assert not bus.dropped


async def test_a_full_queue_drops_the_oldest_counts_them_and_says_so_once_in_a_while() -> None:
    """Nobody is told of every single drop, and the slow handler itself of none."""
    seen: list[str] = []
    lost: list[tuple[str, int]] = []
    go = anyio.Event()

    async def slow(event: Event) -> None:
        await go.wait()
        seen.append(str(event.data.get("n", event.type)))

    bus = Bus(on_drop=lambda name, count: lost.append((name, count)))
    bus.subscribe("slow", slow, capacity=3)
    with bus.observe({"bus"}) as observer:
        async with bus.running():
            bus.publish(Event("turn.queued", data={"n": 0}))
            await anyio.wait_all_tasks_blocked()
            for n in range(1, 101):
                bus.publish(Event("turn.queued", data={"n": n}))
            with anyio.fail_after(PATIENCE):
                events, _ = await observer.batch()
            go.set()
    assert seen == ["0", "98", "99", "100"]
    assert [(e.type, e.data) for e in events] == [("bus.overflow", {"handler": "slow", "count": 97})]
    assert lost == [("slow", 97)] and bus.dropped == {"slow": 97}


async def test_later_drops_are_told_too() -> None:
    async def hang(event: Event) -> None:
        await anyio.sleep_forever()

    bus = Bus(overflow_every=0.001)
    subscription = bus.subscribe("hang", hang, capacity=2)
    with bus.observe({"bus"}) as observer, anyio.fail_after(PATIENCE):
        async with bus.running():
            told = 0
            for _ in range(3):
                for _ in range(5):
                    bus.publish(Event("turn.queued"))
                while told < subscription.dropped:
                    told += sum(e.data["count"] for e in (await observer.batch())[0])
            await bus.unsubscribe(subscription, within=0)
            events, _ = observer.take()
    assert [e.data["count"] for e in events] == [3], "two in its queue and the one in its hands"
    assert bus.dropped["hang"] == told + 3 == 15


async def test_a_handler_that_leaves_in_a_cancelled_block_is_stopped() -> None:
    stopped = anyio.Event()

    async def hang(event: Event) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            stopped.set()

    bus = Bus()
    with anyio.fail_after(PATIENCE):
        async with bus.running():
            with anyio.CancelScope() as scope:
                async with bus.handling("hang", hang):
                    bus.publish(Event("turn.queued"))
                    await anyio.wait_all_tasks_blocked()
                    scope.cancel()
            await stopped.wait()
    assert bus.dropped["hang"] == 1


async def test_what_a_stop_cannot_wait_for_is_counted() -> None:
    async def hang(event: Event) -> None:
        await anyio.sleep_forever()

    bus = Bus()
    bus.subscribe("hang", hang)
    with anyio.CancelScope() as scope:
        async with bus.running():
            for _ in range(4):
                bus.publish(Event("turn.queued"))
            await anyio.wait_all_tasks_blocked()
            scope.cancel()
            await anyio.sleep_forever()
    assert bus.dropped == {"hang": 4}


async def test_the_bus_tells_of_its_topics_and_of_those_who_take_events() -> None:
    bus = Bus()

    async def handle(event: Event) -> None: ...

    bus.subscribe("alerts", handle, ["turn"], capacity=2)
    with bus.observe(["turn", "health"], capacity=1) as observer:
        for _ in range(3):
            bus.publish(Event("turn.running"))
        bus.publish(Event("health.changed"))
        rows = {(row["kind"], row["name"]): row for row in bus.rows()}
        assert [rows["topic", name]["events"] for name in ("turn", "health")] == [3, 1]
        assert (rows["handler", "alerts"]["waiting"], rows["handler", "alerts"]["lost"]) == (2, 1)
        assert (rows["observer", ""]["waiting"], rows["observer", ""]["lost"]) == (1, 3)
        observer.take()
        assert [row["lost"] for row in bus.rows() if row["kind"] == "observer"] == [3]
