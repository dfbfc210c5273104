"""What an attached console costs the daemon, and what reading the stream costs a console.

Twice: with real messages (WeCom callbacks, a model call, a send: as `wire`), and with the cheapest there are
(console platform, scripted provider) at a steady 5,000 events a second. In each round one daemon answers
first alone and then with the readers attached: the stream's client and a ring, as a console has them, in
processes of their own.
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
from mindbot.testing import processes

if TYPE_CHECKING:
    from mindbot_daemon.server.stream.hub import Hub

EVENTS = 4  # a message: queued, running, answered; and its delivery
WARM_UP = 500  # messages before the clock starts


class Up:
    """A host whose runtime is open."""

    phase = "running"

    def __init__(self, runtime: Any) -> None:
        self.runtime = runtime

    async def when_open(self) -> Any:
        return self.runtime


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


async def cheap(messages: int, rate: int, readers: int, folder: Path) -> Figures:
    """Answer messages at ``rate`` a second, alone and then watched; CPU in microseconds a message."""
    from mindbot.config.load import load
    from mindbot.runtime.app import Runtime
    from mindbot.telemetry import logging

    logging.setup("warning", "json")
    loaded = load([], environ={}, overrides={"state_dir": str(folder)})
    socket = folder / "api.sock"
    async with Runtime.open(loaded, folder) as runtime, served(runtime, socket):

        async def cpu() -> float:
            before = time.process_time()
            await _drive(runtime, messages, rate)
            return (time.process_time() - before) / messages * 1e6

        await _drive(runtime, messages, rate)
        alone = await cpu()
        watching = [_reader(socket, messages) for _ in range(readers)]
        for process in watching:
            await anyio.to_thread.run_sync(_attached, process)
        await _drive(runtime, WARM_UP, rate)
        begun = time.perf_counter()
        watched = await cpu()
        wall = time.perf_counter() - begun
        found = [await anyio.to_thread.run_sync(_figures_of, process) for process in watching]
    return {
        "cheap_alone_us": alone,
        "cheap_extra_us": watched - alone,
        "events_per_s": messages * EVENTS / wall,
        "reader_core_pct": max(each["cpu"] for each in found) / wall * 100,
        "gaps": sum(each["gaps"] for each in found),
    }


def real(messages: int, readers: int) -> Figures:
    """Answer WeCom messages as fast as they come, alone and then watched; CPU in microseconds a message."""
    port = processes.free_port()
    with tempfile.TemporaryDirectory() as folder, processes.simulators("wecom", "openai") as sims:
        config = processes.wecom_config(sims, port)
        with processes.daemon(Path(folder), config) as up:

            def cpu(prefix: str, count: int) -> float:
                before = processes.cpu_seconds(up.pid)
                plan = {"messages": count, "users": 200, "user_prefix": prefix}
                url = f"http://127.0.0.1:{port}/wecom/default/callback"
                report = processes.post(
                    f"{sims['wecom']['base_url']}/_sim/traffic", {"callback": url, **plan}
                )
                assert report["answered"] == count, report
                return (processes.cpu_seconds(up.pid) - before) / count * 1e6

            cpu("warm", messages)
            alone = cpu("alone", messages)
            watching = [_reader(Path(up.socket), messages) for _ in range(readers)]
            for process in watching:
                _attached(process)
            cpu("attached", WARM_UP)
            watched = cpu("watched", messages)
            for process in watching:
                process.kill()
                process.communicate()
    return {"real_alone_us": alone, "real_extra_us": watched - alone}


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


def _attached(process: subprocess.Popen[bytes]) -> None:
    """Wait until a reader is attached."""
    assert process.stdout is not None and process.stdout.readline() == b"attached\n"


async def reader(socket: str, messages: int) -> Figures:
    """Read like a console until so many turns have been answered; returns CPU seconds and gaps."""
    from mindbot.api.stream import Batch, Connected, Gap, events

    ring: deque[Any] = deque(maxlen=50_000)
    seen = gaps = 0
    cpu = 0.0
    async with aclosing(events(socket)) as updates:
        async for update in updates:
            if isinstance(update, Connected):
                print("attached", flush=True)
            elif isinstance(update, Gap):
                gaps += update.count
            elif isinstance(update, Batch):
                ring.extend(update.events)
                seen += sum(event["type"] == "turn.answered" for event in update.events)
                if not cpu and seen >= WARM_UP:
                    cpu = time.process_time()
                if seen + gaps / EVENTS >= messages + WARM_UP:
                    break
    return {"cpu": time.process_time() - cpu, "gaps": gaps}


def _figures_of(process: subprocess.Popen[bytes]) -> Figures:
    figures: Figures = json.loads(process.communicate()[0].splitlines()[-1])
    return figures


def bench(messages: int = 4_000, rate: int = 1_250, readers: int = 3, rounds: int = 5) -> Result:
    """Compare the daemon's CPU a message with nobody attached and with ``readers`` consoles."""
    figures, others = measure.interleaved(
        rounds,
        lambda: real(messages // 2, readers),
        lambda: measure.module("mindbot.bench.console", "cheap", messages, rate, readers),
    )
    figures |= others
    for kind in ("real", "cheap"):
        figures[f"{kind}_extra_pct"] = figures[f"{kind}_extra_us"] / figures[f"{kind}_alone_us"] * 100
    goals = {
        "real_extra_pct": "≤ 5",
        "cheap_extra_pct": "≤ 5",
        "reader_core_pct": "< 35 with drawing",
        "gaps": "0",
    }
    return Result("console", figures, goals=goals, note=f"{readers} readers")


def main(arguments: Sequence[str]) -> Figures:
    """Run one side of the benchmark in this process."""
    uvloop = {"use_uvloop": True}
    if arguments[0] == "reader":
        return anyio.run(reader, arguments[1], int(arguments[2]), backend_options=uvloop)
    messages, rate, readers = map(int, arguments[1:])
    with tempfile.TemporaryDirectory() as folder:
        return anyio.run(cheap, messages, rate, readers, Path(folder), backend_options=uvloop)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:])))
