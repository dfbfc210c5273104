"""Events a second to three subscribers."""

from __future__ import annotations

import time

import anyio

from mindbot.bench.measure import Figures, Result, interleaved
from mindbot.bus import Bus
from mindbot.domain.events import Event


async def _run(events: int) -> Figures:
    bus = Bus()
    seen = [0, 0, 0]

    async def read(n: int) -> None:
        with bus.observe({"turn"}, capacity=events) as observer:
            while seen[n] < events:
                batch, _ = await observer.batch()
                seen[n] += len(batch)

    async with anyio.create_task_group() as tasks:
        for n in range(3):
            tasks.start_soon(read, n)
        await anyio.wait_all_tasks_blocked()
        begun = time.perf_counter()
        for n in range(events):
            bus.publish(Event("turn.queued", "id", {"n": n}))
            if n % 500 == 0:
                await anyio.lowlevel.checkpoint()
    assert seen == [events] * 3
    return {"events_per_s": events / (time.perf_counter() - begun)}


def bench(events: int = 200_000) -> Result:
    """Publish to three observers that all see everything."""
    (mine,) = interleaved(3, lambda: anyio.run(_run, events))
    return Result("bus", mine, goals={"events_per_s": "≥ 200,000"})
