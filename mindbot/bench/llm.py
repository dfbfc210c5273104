"""Calls of a model through the manager, beside the same calls by aiohttp alone; streams; calls in flight.

Everything a turn's call has is in it: the choice, deadlines, the breaker, the tally, and sums that are
counted (in memory: what the store makes of them is *pipeline*'s). The server is a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from typing import Any

import anyio

from mindbot.bench import measure
from mindbot.bench.floors.llm import WORDS
from mindbot.bench.measure import Figures, Result

_AT_ONCE = 32
_CHUNKS = 2_000  # of a stream
_WAIT = 3.0  # seconds that calls in flight wait for their answers, so that all are under way at once


@contextmanager
def serving(chunks: int = _CHUNKS, wait: float = 0.0) -> Iterator[str]:
    """Run the server for the length of the block; yields its address."""
    command = [sys.executable, "-m", "mindbot.bench.floors.llm", "serve", str(chunks), str(wait)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        finally:
            process.stdin.close()  # which ends it


async def run(base: str, form: str, calls: int, at_once: int) -> Figures:
    """Make calls in one form: ``calls`` by so many callers, ``streams``, or all ``flying`` at once."""
    from pydantic import SecretStr

    from mindbot.config.parts import read
    from mindbot.domain.chat import ChatMessage, ChatRequest
    from mindbot.http.client import HttpClient
    from mindbot.providers.manager import ProviderManager
    from mindbot.runtime.stats import rss_bytes
    from mindbot.telemetry import logging

    class Keys:
        """Keys that are written as they are."""

        async def aget(self, value: SecretStr) -> str:
            return value.get_secret_value()

    logging.setup("warning", "json")
    entry = {"type": "openai", "base_url": base, "api_key": "k", "models": ["m"], "concurrency": 0}
    config = read({"providers": {"a": entry}})
    left, chunks, held = iter(range(calls)), 0, 0
    async with HttpClient(per_host=2000) as http:
        manager: Any = ProviderManager(config, http, Keys())

        async def ask() -> None:
            nonlocal chunks
            for _ in left:
                request = ChatRequest([ChatMessage("user", WORDS)], stream=form == "streams")
                async with aclosing(manager.chat(request)) as answer:
                    async for chunk in answer:
                        chunks += bool(chunk.text)

        await manager.ping("a")
        before = rss_bytes()
        wall, cpu = time.perf_counter(), time.process_time()
        async with anyio.create_task_group() as tasks:
            for _ in range(at_once):
                tasks.start_soon(ask)
            if form == "flying":
                await anyio.sleep(_WAIT / 2)
                held = rss_bytes() - before
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if form == "flying":
        return {"kb_a_call": held / calls / 1024}
    if form == "streams":
        return {"chunks_per_s": chunks / wall, "cpu_us_a_chunk": cpu / chunks * 1e6}
    return {"calls_per_s": calls / wall, "cpu_us_a_call": cpu / calls * 1e6}


def bench(messages: int = 4_000, rounds: int = 3) -> Result:
    """Compare with the bare caller on the same server."""

    def mine(base: str, form: str, calls: int, at_once: int) -> Figures:
        return measure.module("mindbot.bench.llm", base, form, calls, at_once)

    with serving() as base:
        figures, floor, streams = measure.interleaved(
            rounds,
            lambda: mine(base, "calls", messages, _AT_ONCE),
            lambda: measure.module("mindbot.bench.floors.llm", base, messages, _AT_ONCE),
            lambda: mine(base, "streams", 20, 4),
        )
    with serving(wait=_WAIT) as base:
        (flying,) = measure.interleaved(1, lambda: mine(base, "flying", 1_000, 1_000))
    figures["of_floor_cpu"] = figures["cpu_us_a_call"] / floor["cpu_us_a_call"]
    goals = {
        "calls_per_s": "≥ 2,000",
        "of_floor_cpu": "≤ 2",
        "chunks_per_s": "≥ 40,000",
        "kb_a_call": "< 60",
    }
    note = f"{_AT_ONCE} callers, {os.cpu_count()} cores at a load of {os.getloadavg()[0]:.1f}"
    return Result("llm", figures | streams | flying, floor, goals, note)


if __name__ == "__main__":
    address, kind, number, width = sys.argv[1:]
    found = anyio.run(run, address, kind, int(number), int(width), backend_options={"use_uvloop": True})
    print(json.dumps(found))
