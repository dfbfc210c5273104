"""Turns a second inside one process: console platform, scripted provider, durable journal, all spans."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import anyio

from mindbot.bench import measure
from mindbot.bench.measure import Figures, Result


async def run(messages: int, users: int, folder: Path) -> Figures:
    """Answer the messages; returns turns a second, CPU microseconds a turn and rows a commit."""
    from mindbot.config.load import load
    from mindbot.domain.message import Message, text_part
    from mindbot.runtime.app import Runtime
    from mindbot.telemetry import logging

    logging.setup("warning", "json")
    loaded = load(environ={}, overrides={"dispatcher": {"max_running": 2000, "max_running_per_bot": 2000}})
    async with Runtime.open(loaded, folder) as runtime:

        async def one(n: int) -> None:
            user = f"u{n % users}"
            text = f"hello {n}"
            session = f"console:default:{user}"
            parts = (text_part(text),)
            to = {"to": user}
            message = Message(
                "console", "default", f"m{n}", session, user, "text", parts, to, received=time.time()
            )
            await runtime.receive(message)

        wall, cpu = time.perf_counter(), time.process_time()
        for start in range(0, messages, 2000):
            async with anyio.create_task_group() as tasks:
                for n in range(start, min(start + 2000, messages)):
                    tasks.start_soon(one, n)
        while runtime.stats.answered < messages or runtime.outbox.waiting:
            await anyio.sleep(0.002)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        assert runtime.stats.answered == messages
        return {
            "turns_per_s": messages / wall,
            "cpu_us": cpu / messages * 1e6,
            "commits": runtime.store.batches / messages,
        }


def bench(messages: int = 20_000, users: int = 200, rounds: int = 3) -> Result:
    """Compare with the floor, in both its forms."""

    def floor(form: str) -> Figures:
        return measure.module("mindbot.bench.floors.pipeline", form, messages // 2, users)

    mine, plain, batched = measure.interleaved(
        rounds,
        lambda: measure.module("mindbot.bench.pipeline", messages, users),
        lambda: floor("plain"),
        lambda: floor("batched"),
    )
    mine["of_floor"] = mine["turns_per_s"] / plain["turns_per_s"]
    mine["of_batched_floor"] = mine["turns_per_s"] / batched["turns_per_s"]
    goals = {"turns_per_s": "≥ 6,000", "of_floor": "≥ 0.6"}
    note = f"batched floor {batched['turns_per_s']:,.0f}/s at {batched['cpu_us']:.0f} µs"
    return Result("pipeline", mine, plain, goals, note)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        figures = anyio.run(
            run, int(sys.argv[1]), int(sys.argv[2]), Path(folder), backend_options={"use_uvloop": True}
        )
        print(json.dumps(figures))
