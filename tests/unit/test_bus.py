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
    bus.handle("pager", flaky, {"alert"})
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
    bus.handle("h", refuse)
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
    bus.handle("hang", hang, priority=10)
    bus.handle("work", work)
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
