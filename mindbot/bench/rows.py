"""The live list of the console: what a frame of it costs, beside a frame of a Textual app with nothing in it.

A console of 160x48 without a terminal, its list of 50,000 turns full; in each frame some turns come in. The
floor is an empty app whose whole screen is drawn again as often.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Awaitable, Callable

import anyio

from mindbot.bench import measure
from mindbot.bench.measure import Figures, Result
from mindbot.bench.text import Away
from mindbot.domain import ids

SIZE = (160, 48)
FRAMES = 200
FULL = 50_000  # turns in the list
NEW = 20  # turns that come in for a frame


async def _cost(frame: Callable[[], object], drawn: Callable[[], Awaitable[object]]) -> float:
    """Return the CPU of a frame in milliseconds."""
    for _ in range(10):
        frame()
        await drawn()
    before = time.process_time()
    for _ in range(FRAMES):
        frame()
        await drawn()
    return (time.process_time() - before) / FRAMES * 1000


async def empty() -> Figures:
    """Draw an app with nothing in it, again and again."""
    from mindbot_tui.nothing import Nothing

    app = Nothing()
    async with app.run_test(size=SIZE) as pilot:
        return {"frame_ms": await _cost(app.screen.refresh, pilot.pause)}


async def full() -> Figures:
    """Draw the live list while turns come in."""
    from mindbot_tui.app import Console

    app = Console(Away())
    turns = app.state.turns

    def come(count: int) -> None:
        for _ in range(count):
            id, now = ids.show(ids.new_id()), time.time()
            turns.apply(
                {
                    "id": id,
                    "state": "answered",
                    "platform": "wecom",
                    "bot": "default",
                    "user": f"user{len(turns) % 200}",
                    "text": f"question {id}: 我的订单 {id} 到哪里了, please?",
                    "reply": f"answer {id}: it is on its way",
                    "received": now,
                    "took": 0.4,
                },
                id,
            )

    def frame() -> None:
        come(NEW)
        app.view.sync()

    come(FULL)
    async with app.run_test(size=SIZE) as pilot:
        return {"frame_ms": await _cost(frame, pilot.pause)}


def bench(rounds: int = 3) -> Result:
    """Compare a frame of the full live list with one of an empty app."""
    sides = [lambda side=side: measure.module("mindbot.bench.rows", side) for side in ("empty", "full")]
    floor, found = measure.interleaved(rounds, *sides)
    note = f"160x48, CPU a frame, {NEW} new turns in each; goal: under twice the floor"
    goals = {"frame_ms": f"< {2 * floor['frame_ms']:.2f}"}
    return Result("rows", found, floor=floor, goals=goals, note=note)


if __name__ == "__main__":
    print(json.dumps(anyio.run({"empty": empty, "full": full}[sys.argv[1]])))
