"""A thousand clients of the local API at once: each asks a few times, then each reads the stream."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import anyio

from mindbot.bench import measure
from mindbot.bench.console import served
from mindbot.bench.measure import Figures, Result

ASKED = 3  # requests a client makes
TOLD = 20  # events each reader gets


async def daemon(clients: int, folder: Path) -> Figures:
    """Serve the clients of another process; returns their figures and ours."""
    from mindbot.config.load import load
    from mindbot.domain.events import Event
    from mindbot.runtime.app import Runtime
    from mindbot.runtime.stats import rss_bytes
    from mindbot.telemetry import logging

    logging.setup("warning", "json")
    loaded = load([], environ={}, overrides={"state_dir": str(folder)})
    socket = folder / "api.sock"
    async with Runtime.open(loaded, folder) as runtime, served(runtime, socket) as hub:
        before = rss_bytes()
        cpu = time.process_time()
        command = [sys.executable, "-m", "mindbot.bench.sockets", "clients", str(socket), str(clients)]
        async with await anyio.open_process(command, stderr=None) as process:
            with anyio.fail_after(120):
                while hub.clients < clients:
                    await anyio.sleep(0.05)
            asking = time.process_time() - cpu
            held = rss_bytes() - before
            cpu = time.process_time()
            for n in range(TOLD):
                runtime.bus.publish(Event("turn.answered", str(n), {"text": "hello"}))
                await anyio.sleep(0.06)
            assert process.stdout is not None
            found: Figures = json.loads(b"".join([part async for part in process.stdout]))
            telling = time.process_time() - cpu
    return found | {
        "daemon_ms_per_request": asking / (clients * ASKED) * 1000,
        "daemon_us_per_batch": telling / (clients * TOLD) * 1e6,
        "kb_per_client": held / clients / 1024,
    }


async def clients(socket: str, count: int) -> Figures:
    """Be the clients; returns how many answers came, and how many readers saw every event."""
    import httpx

    from mindbot.api.stream import Batch, events

    answered = complete = 0
    gate = anyio.CapacityLimiter(200)  # requests on their way at once; the connections all stay open

    async def ask(http: httpx.AsyncClient) -> None:
        nonlocal answered
        for _ in range(ASKED):
            async with gate:
                answer = await http.get("/v1/ping", timeout=60)
            answered += answer.status_code == 200

    async def read() -> None:
        nonlocal complete
        seen = 0
        async with aclosing(events(socket, topics=["turn"], patient=True)) as updates:
            async for update in updates:
                seen += len(update.events) if isinstance(update, Batch) else 0
                if seen >= TOLD:
                    complete += 1
                    return

    limits = httpx.Limits(max_connections=count, max_keepalive_connections=count)
    transport = httpx.AsyncHTTPTransport(uds=socket, verify=False, limits=limits)
    async with httpx.AsyncClient(transport=transport, base_url="http://mindbot") as http:
        async with anyio.create_task_group() as tasks:
            for _ in range(count):
                tasks.start_soon(ask, http)
        async with anyio.create_task_group() as tasks:
            for _ in range(count):
                tasks.start_soon(read)
    return {"answered": answered / ASKED, "readers_complete": complete}


def bench(users: int = 1_000) -> Result:
    """Count who was served; the goal is everybody."""
    (mine,) = measure.interleaved(1, lambda: measure.module("mindbot.bench.sockets", "daemon", users))
    goals = {"answered": f"{users:,}", "readers_complete": f"{users:,}"}
    return Result("sockets", mine, goals=goals, note=f"{users:,} clients of the local API")


def main(arguments: Sequence[str]) -> Any:
    """Run one side of the benchmark in this process."""
    uvloop = {"use_uvloop": True}
    if arguments[0] == "clients":
        return anyio.run(clients, arguments[1], int(arguments[2]), backend_options=uvloop)
    with tempfile.TemporaryDirectory() as folder:
        return anyio.run(daemon, int(arguments[1]), Path(folder), backend_options=uvloop)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:])))
