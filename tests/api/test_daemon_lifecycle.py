"""What the daemon does with signals and tells the service manager, with a fake runtime."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import httpx
import pytest
from daemon_here import running
from fake_runtime import Configuration, EchoHook, FakeRuntime, opener

from mindbot.api import calls, models
from mindbot.api.client import AsyncClient
from mindbot.domain.errors import Unreachable
from mindbot.domain.events import Event
from mindbot.testing.waiting import PATIENCE
from mindbot_daemon import daemon as daemon_module
from mindbot_daemon.daemon import Daemon, Place
from mindbot_daemon.systemd import Inherited, Notifier, summary

pytestmark = pytest.mark.anyio


class Manager:
    """Stands in for systemd: a datagram socket and what arrived on it."""

    def __init__(self, path: Path) -> None:
        self.address = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._socket.setblocking(False)
        self.said: list[str] = []

    async def hears(self, *lines: str) -> None:
        """Return when a datagram with these lines has arrived."""
        with anyio.fail_after(PATIENCE):
            while True:
                await anyio.wait_readable(self._socket)
                message = self._socket.recv(4096).decode()
                self.said.append(message)
                if all(any(part.startswith(line) for part in message.split("\n")) for line in lines):
                    return


@pytest.fixture
def manager(tmp_path: Path) -> Manager:
    return Manager(tmp_path / "notify.sock")


class Run:
    """A daemon in a task, and its exit status when it has one."""

    def __init__(self, folder: Path, runtime: FakeRuntime, manager: Manager, watchdog: str = "") -> None:
        environ = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": watchdog}
        place = Place(folder / "mindbot.sock", folder / "state", drain_timeout=5.0)
        self.configuration = Configuration()
        self.runtime = runtime
        self.daemon = Daemon(self.configuration.load, opener(runtime), place, Notifier(environ), Inherited())
        self.client = place.socket
        self.status: int | None = None
        self.environ = environ

    async def __call__(self) -> None:
        self.status = await self.daemon.run(self.configuration.load())


@asynccontextmanager
async def started(run: Run) -> AsyncIterator[None]:
    async with anyio.create_task_group() as group:
        group.start_soon(run)
        with anyio.fail_after(PATIENCE):
            await run.daemon.opened.wait()
            yield


async def test_ready_is_said_once_it_is_and_the_variable_is_not_left_to_children(
    tmp_path: Path, manager: Manager
) -> None:
    run = Run(tmp_path, FakeRuntime(), manager)
    assert "NOTIFY_SOCKET" not in run.environ
    async with started(run):
        await manager.hears("READY=1", "STATUS=running")
        os.kill(os.getpid(), signal.SIGTERM)
        await manager.hears("STOPPING=1")
    assert run.status == 0


async def test_the_watchdog_hears_from_the_loop(tmp_path: Path, manager: Manager) -> None:
    run = Run(tmp_path, FakeRuntime(), manager, watchdog="20000")
    async with started(run):
        for _ in range(3):
            await manager.hears("WATCHDOG=1")
        run.daemon.stop()


async def test_sigterm_drains_then_closes_intake_and_the_api_answers_meanwhile(
    tmp_path: Path, manager: Manager
) -> None:
    hook = EchoHook()
    refused = []

    class Closing(FakeRuntime):
        @asynccontextmanager
        async def opened(self, loaded, state_dir):  # type: ignore[no-untyped-def]
            async with super().opened(loaded, state_dir):
                yield self
                with pytest.raises(OSError):  # nothing comes in any more when the store closes
                    await anyio.connect_tcp(*address)
                refused.append(address)

        async def drain(self, timeout: float) -> bool:
            self.drained.append(timeout)
            await asked.wait()
            return True

    asked = anyio.Event()
    runtime = Closing([hook])
    run = Run(tmp_path, runtime, manager)
    async with started(run), AsyncClient(run.client) as client:
        assert (await client.ask(calls.status())).ready
        assert run.daemon.listener is not None
        address = run.daemon.listener.bound[hook.host, hook.port]
        os.kill(os.getpid(), signal.SIGTERM)
        while not runtime.drained:
            await anyio.sleep(0.001)
        async with httpx.AsyncClient(timeout=PATIENCE) as caller:
            url = f"http://{address[0]}:{address[1]}/wecom/default/callback"
            assert (await caller.post(url, content=b"poll")).text == "POLL"
        status = await client.ask(calls.status())
        assert (status.phase, status.ready) == ("draining", False)
        asked.set()
    assert run.status == 0 and refused == [address]
    assert 0 < runtime.drained[0] <= 5.0


async def test_a_client_whose_turn_outlasts_the_drain_is_told_which_one_goes_on(
    tmp_path: Path, manager: Manager, caplog: pytest.LogCaptureFixture
) -> None:
    runtime = FakeRuntime()
    runtime.drain_takes, runtime.finish = 0.01, anyio.Event()
    run = Run(tmp_path, runtime, manager)
    answers: list[httpx.Response] = []
    async with started(run), anyio.create_task_group() as waiting:
        transport = httpx.AsyncHTTPTransport(uds=str(tmp_path / "mindbot.sock"))
        client = await waiting.start(client_of, transport)

        async def ask() -> None:
            answers.append(await client.post("/v1/turns", json={"text": "hi", "timeout": 60}))
            waiting.cancel_scope.cancel()

        waiting.start_soon(ask)
        while not runtime.turns:
            await anyio.sleep(0.001)
        os.kill(os.getpid(), signal.SIGTERM)
    [answer] = answers
    [turn] = runtime.turns
    assert answer.status_code == 503
    assert (answer.json()["kind"], answer.json()["turn"]) == ("unreachable", turn)
    assert turn in answer.json()["message"] and "next start" in answer.json()["message"]
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def client_of(
    transport: httpx.AsyncHTTPTransport, *, task_status: anyio.abc.TaskStatus[httpx.AsyncClient]
) -> None:
    async with httpx.AsyncClient(transport=transport, base_url="http://mindbot", timeout=30) as client:
        task_status.started(client)
        await anyio.sleep_forever()


async def test_a_second_sigterm_forces(
    tmp_path: Path, manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon_module, "SAME_SIGNAL", 0.0)
    runtime = FakeRuntime()
    runtime.drain_takes = 60.0
    run = Run(tmp_path, runtime, manager)
    async with started(run):
        os.kill(os.getpid(), signal.SIGTERM)
        await manager.hears("STOPPING=1")
        os.kill(os.getpid(), signal.SIGTERM)
    assert run.status == 1


async def test_one_request_to_stop_that_comes_twice_is_one(
    tmp_path: Path, manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon_module, "SAME_SIGNAL", 60.0)
    runtime = FakeRuntime()
    runtime.drain_takes = 0.1
    run = Run(tmp_path, runtime, manager)
    async with started(run):
        os.kill(os.getpid(), signal.SIGTERM)
        await manager.hears("STOPPING=1")
        os.kill(os.getpid(), signal.SIGTERM)
    assert run.status == 0


async def test_sigterm_during_the_start_ends_it(tmp_path: Path, manager: Manager) -> None:
    class Slow(FakeRuntime):
        @asynccontextmanager
        async def opened(self, loaded, state_dir):  # type: ignore[no-untyped-def]
            os.kill(os.getpid(), signal.SIGTERM)
            await anyio.sleep(60)
            yield self

    run = Run(tmp_path, Slow(), manager)
    with anyio.fail_after(PATIENCE):
        await run()
    assert run.status == 0 and not run.client.exists()


async def test_while_the_runtime_takes_long_to_open_the_api_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon_module, "API_HEAD_START", 0.0)
    go_on = anyio.Event()

    class Slow(FakeRuntime):
        @asynccontextmanager
        async def opened(self, loaded, state_dir):  # type: ignore[no-untyped-def]
            await go_on.wait()
            yield self

    socket_path = tmp_path / "run" / "mindbot.sock"

    async def ask() -> None:
        while not socket_path.exists():
            await anyio.sleep(0.001)
        async with AsyncClient(socket_path) as client:
            status = await client.ask(calls.status())
            assert (status.ready, status.phase) == (False, "starting")
            monkeypatch.setattr(daemon_module, "START_PATIENCE", 0.01)
            with pytest.raises(Unreachable, match="starting"):
                await client.ask(calls.send(models.SendMessage(text="hi")))
            monkeypatch.setattr(daemon_module, "START_PATIENCE", 20.0)
            async with anyio.create_task_group() as waiting:
                waiting.start_soon(client.ask, calls.platforms())  # waits for the start, and is answered
                go_on.set()

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        async with running(tmp_path, Slow()) as up:
            assert (await up.client.ask(calls.status())).ready


async def test_a_long_start_asks_for_time_again_and_again(
    tmp_path: Path, manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon_module, "START_SIGN", 0.01)

    class Slow(FakeRuntime):
        @asynccontextmanager
        async def opened(self, loaded, state_dir):  # type: ignore[no-untyped-def]
            for _ in range(3):
                await manager.hears("EXTEND_TIMEOUT_USEC=60000000")
            yield self

    run = Run(tmp_path, Slow(), manager)
    async with started(run):
        await manager.hears("READY=1")
        run.daemon.stop()


async def test_the_status_line_names_what_failed(tmp_path: Path, manager: Manager) -> None:
    run = Run(tmp_path, FakeRuntime(), manager)
    async with started(run):
        await manager.hears("READY=1", "STATUS=running")
        bot = {"component": "bot dingtalk/default", "state": "failed", "reason": "needs credentials"}
        run.runtime.ill = [bot]
        while not run.runtime.bus.wants("health"):
            await anyio.sleep(0)
        run.runtime.bus.publish(Event("health.changed", data=bot))
        await manager.hears("STATUS=running; bot dingtalk/default failed: needs credentials")
        run.daemon.stop()


def test_the_status_line_is_short_and_begins_with_what_is_worst() -> None:
    ill = [{"component": f"bot p/{n}", "state": "degraded", "reason": "slow"} for n in range(40)]
    worst = {"component": "store", "state": "failed", "reason": "the disk is full"}
    line = summary([*ill, {"component": "bots", "state": "ok", "reason": ""}, worst])
    assert line.startswith("running; store failed: the disk is full; bot p/0 degraded: slow")
    assert len(line) < 450 and line.endswith("more: mindbot daemon status")


def test_the_service_manager_is_told_what_failed_however_long_and_odd_the_reason_is(tmp_path: Path) -> None:
    odd = {"component": "store", "state": "failed", "reason": "cannot write /data/\udcff" + "x" * 500}
    line = summary([odd, {"component": "bots", "state": "failed", "reason": "more"}])
    assert line.startswith("running; store failed: cannot write /data/") and line.endswith(
        "mindbot daemon status"
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify")}).status(line)
        assert manager.recv(4096).startswith(b"STATUS=running; store failed")


async def test_sighup_reloads_and_a_bad_configuration_changes_nothing(
    tmp_path: Path, manager: Manager
) -> None:
    run = Run(tmp_path, FakeRuntime(), manager)
    async with started(run):
        os.kill(os.getpid(), signal.SIGHUP)
        await manager.hears("RELOADING=1", "MONOTONIC_USEC=")
        await manager.hears("READY=1", "STATUS=running")
        run.configuration.broken = True
        os.kill(os.getpid(), signal.SIGHUP)
        await manager.hears("READY=1", "STATUS=reload failed, the old configuration stays: the configuration")
        assert run.runtime.generation == 2
        run.configuration.broken = False
        run.runtime.next_hooks = [None]  # type: ignore[list-item] # an adapter's mistake, found while binding
        os.kill(os.getpid(), signal.SIGHUP)
        await manager.hears("READY=1", "STATUS=reload failed, the old configuration stays: 'NoneType'")
        run.daemon.stop()
    assert run.status == 0


async def test_a_reload_that_cannot_bind_its_port_keeps_the_old_one(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        async with running(tmp_path, FakeRuntime([EchoHook()])) as up:
            up.runtime.next_hooks = [EchoHook(port=taken.getsockname()[1])]
            assert up.daemon.listener is not None
            before = up.daemon.listener.bound
            with pytest.raises(Exception, match="in use"):
                await up.client.ask(calls.reload())
            assert up.daemon.listener.bound == before and up.runtime.generation == 1


async def test_a_runtime_that_fails_takes_the_daemon_with_it(tmp_path: Path, manager: Manager) -> None:
    class Failing(FakeRuntime):
        @asynccontextmanager
        async def opened(self, loaded, state_dir):  # type: ignore[no-untyped-def]
            async with anyio.create_task_group() as group:

                async def fail() -> None:
                    raise RuntimeError("the journal is gone")

                group.start_soon(fail)
                yield self

    run = Run(tmp_path, Failing(), manager)
    with pytest.raises(BaseExceptionGroup) as caught, anyio.fail_after(PATIENCE):
        await run()
    assert caught.group_contains(RuntimeError, match="the journal is gone")
    assert not run.client.exists()


async def test_what_a_start_waits_for_is_said_to_who_asks(tmp_path: Path) -> None:
    notifier, place = Notifier({}), Place(tmp_path / "api.sock", tmp_path)
    daemon = Daemon(Configuration().load, opener(FakeRuntime()), place, notifier, Inherited())
    notifier.waits("no space left for the database")
    with pytest.raises(Unreachable, match="is starting and waits: no space left for the database"):
        _ = daemon.runtime
