"""What an attached console costs the daemon, and what reading the stream costs a console.

The runtime and its API run in a process of their own and answer messages at a steady rate, four events
each; consoles' readers (the stream's client and a ring) are further processes. Runs without and with them
alternate.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from mindbot.bench import measure
from mindbot.bench.measure import Figures, Result

if TYPE_CHECKING:
    from mindbot_daemon.server.stream.hub import Hub

EVENTS = 4  # a message: queued, running, answered; and its delivery
WARM_UP = 500  # messages before the clock starts


class Up:
    """A host whose backend is there."""

    phase = "running"

    def __init__(self, backend: Any) -> None:
        self.backend = backend


@asynccontextmanager
async def served(runtime: Any, socket: Path) -> AsyncIterator[Hub]:
    """Serve a runtime's API on a socket for the length of the block; yields its hub."""
    from mindbot_daemon.server.app import create_app
    from mindbot_daemon.server.protocol import PeerProtocol, StreamProtocol
    from mindbot_daemon.server.roles import Roles
    from mindbot_daemon.server.stream.hub import Hub
    from mindbot_daemon.serving import HttpServer
    from mindbot_daemon.sockets import bind_unix

    hub = Hub()
    host: Any = Up(runtime)
    server = HttpServer(
        create_app(host, Roles(), hub),
        bind_unix(socket),
        protocol=PeerProtocol,
        websockets=StreamProtocol,
        grace=1,
    )
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hub.run)
        tasks.start_soon(server.run_until_stopped)
        await server.listening.wait()
        try:
            yield hub
        finally:
            await server.stop()
            tasks.cancel_scope.cancel()


async def daemon(messages: int, rate: int, readers: int, folder: Path) -> Figures:
    """Answer messages at ``rate`` a second with so many readers; returns CPU microseconds a message."""
    from mindbot.config.load import load
    from mindbot.runtime.app import Runtime
    from mindbot.telemetry import logging

    logging.setup("warning", "json")
    loaded = load([], environ={}, overrides={"state_dir": str(folder)})
    socket = folder / "api.sock"
    async with Runtime.open(loaded, folder) as runtime, served(runtime, socket) as hub:
        processes = [_reader(socket, messages) for _ in range(readers)]
        with anyio.fail_after(30):
            while hub.clients < readers:
                await anyio.sleep(0.05)
        await _drive(runtime, WARM_UP, rate)
        wall, cpu = time.perf_counter(), time.process_time()
        await _drive(runtime, messages, rate)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        found = [
            json.loads((await anyio.to_thread.run_sync(p.communicate))[0].splitlines()[-1]) for p in processes
        ]
    figures = {"cpu_us_per_message": cpu / messages * 1e6, "events_per_s": messages * EVENTS / wall}
    if found:
        figures["reader_core_pct"] = max(each["cpu"] for each in found) / wall * 100
        figures["gaps"] = sum(each["gaps"] for each in found)
    return figures


async def _drive(runtime: Any, messages: int, rate: int) -> None:
    from mindbot.domain import ids
    from mindbot.domain.message import Message, text_part

    async def one(n: int) -> None:
        user = f"u{n % 200}"
        parts = (text_part(f"hello {n}, how are you today? 你好"),)
        session = f"console:default:{user}"
        key = ids.show(ids.new_id())
        now = time.time()
        await runtime.receive(
            Message("console", "default", key, session, user, "text", parts, {"to": user}, received=now)
        )

    target = runtime.stats.answered + messages
    begun = time.perf_counter()
    async with anyio.create_task_group() as tasks:
        sent = 0
        while sent < messages:
            due = min(messages, int((time.perf_counter() - begun) * rate) + 1)
            for n in range(sent, due):
                tasks.start_soon(one, n)
            sent = due
            await anyio.sleep(0.01)
    while runtime.stats.answered < target or runtime.outbox.waiting:
        await anyio.sleep(0.005)


def _reader(socket: Path, messages: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "mindbot.bench.console", "reader", str(socket), str(messages)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


async def reader(socket: str, messages: int) -> Figures:
    """Read like a console until so many turns have been answered; returns CPU seconds and gaps."""
    from mindbot.api.stream import Batch, Gap, events

    ring: deque[Any] = deque(maxlen=50_000)
    seen = gaps = 0
    cpu = 0.0
    async with aclosing(events(socket)) as updates:
        async for update in updates:
            if isinstance(update, Gap):
                gaps += update.count
            elif isinstance(update, Batch):
                ring.extend(update.events)
                seen += sum(event["type"] == "turn.answered" for event in update.events)
                if not cpu and seen >= WARM_UP:
                    cpu = time.process_time()
                if seen + gaps / EVENTS >= messages + WARM_UP:
                    break
    return {"cpu": time.process_time() - cpu, "gaps": gaps}


def bench(messages: int = 5_000, rate: int = 1_250, readers: int = 3, rounds: int = 5) -> Result:
    """Compare the daemon's CPU a message with nobody attached and with ``readers`` consoles."""
    alone, watched = measure.interleaved(
        rounds,
        lambda: measure.module("mindbot.bench.console", "daemon", messages, rate, 0),
        lambda: measure.module("mindbot.bench.console", "daemon", messages, rate, readers),
    )
    watched["extra_pct"] = (watched["cpu_us_per_message"] / alone["cpu_us_per_message"] - 1) * 100
    goals = {"extra_pct": "≤ 5", "reader_core_pct": "< 35 with drawing", "gaps": "0"}
    return Result("console", watched, alone, goals, f"{readers} readers, floor: nobody attached")


def main(arguments: Sequence[str]) -> Figures:
    """Run one side of the benchmark in this process."""
    uvloop = {"use_uvloop": True}
    if arguments[0] == "reader":
        return anyio.run(reader, arguments[1], int(arguments[2]), backend_options=uvloop)
    messages, rate, readers = map(int, arguments[1:])
    with tempfile.TemporaryDirectory() as folder:
        return anyio.run(daemon, messages, rate, readers, Path(folder), backend_options=uvloop)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:])))
