"""A daemon around a fake runtime, in this process but on real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
from fake_runtime import Configuration, FakeRuntime, opener

from mindbot.api.client import AsyncClient
from mindbot.testing.waiting import PATIENCE
from mindbot_daemon.daemon import Daemon, Place
from mindbot_daemon.systemd import Inherited, Notifier


@dataclass
class Running:
    """A daemon that is ready, and both its ends."""

    daemon: Daemon
    runtime: FakeRuntime
    configuration: Configuration
    socket: Path
    client: AsyncClient


@asynccontextmanager
async def running(
    folder: Path, runtime: FakeRuntime | None = None, **place: object
) -> AsyncIterator[Running]:
    runtime = runtime or FakeRuntime()
    configuration = Configuration()
    socket = folder / "run" / "mindbot.sock"
    where = Place(socket, folder / "state", **place)  # type: ignore[arg-type]
    daemon = Daemon(configuration.load, opener(runtime), where, Notifier({}), Inherited())
    async with anyio.create_task_group() as group:
        group.start_soon(daemon.run, configuration.load())
        with anyio.fail_after(PATIENCE):
            await daemon.opened.wait()
            async with AsyncClient(socket) as client:
                yield Running(daemon, runtime, configuration, socket, client)
        daemon.stop()
