"""The socket itself: who finds it, who may bind it, what a client says when nobody answers."""

from __future__ import annotations

import os
import resource
import signal
import socket
from contextlib import suppress
from pathlib import Path

import anyio
import pytest
import structlog
from daemon_here import Running
from fake_runtime import Configuration, FakeRuntime, opener

from mindbot.api import calls
from mindbot.api.client import AsyncClient, Client
from mindbot.api.sockets import SYSTEM_SOCKET, find_socket, user_socket
from mindbot.domain.errors import ConfigError, Conflict, MindBotError, TimedOut, Unreachable
from mindbot.store.lock import only_one
from mindbot.testing.waiting import PATIENCE
from mindbot_daemon.daemon import Daemon, Place
from mindbot_daemon.serving import GuardedProtocol
from mindbot_daemon.sockets import bind_unix, remove_unix
from mindbot_daemon.systemd import Inherited, Notifier

pytestmark = pytest.mark.anyio


def listening(path: Path, backlog: int = 1) -> socket.socket:
    found = socket.socket(socket.AF_UNIX)
    found.bind(str(path))
    found.listen(backlog)
    return found


def test_a_named_socket_wins_then_the_environment_then_the_users_then_the_systems(tmp_path: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": str(tmp_path), "MINDBOT_SOCKET": "/env.sock"}
    assert find_socket("/given.sock", environ) == Path("/given.sock")
    assert find_socket(None, environ) == Path("/env.sock")
    del environ["MINDBOT_SOCKET"]
    users = tmp_path / "mindbot" / "mindbot.sock"
    users.parent.mkdir(mode=0o700)
    if not SYSTEM_SOCKET.exists():
        assert find_socket(None, environ) == users  # what the error then names
    with listening(users):
        assert find_socket(None, environ) == users


@pytest.mark.skipif(SYSTEM_SOCKET.exists(), reason="a system daemon runs here")
def test_a_socket_in_a_folder_that_others_write_to_is_not_trusted(tmp_path: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": str(tmp_path)}
    users = user_socket(environ)
    users.parent.mkdir()
    users.parent.chmod(0o777)
    system = tmp_path / "system.sock"
    with listening(users), listening(system), pytest.MonkeyPatch.context() as patch:
        patch.setattr("mindbot.api.sockets.SYSTEM_SOCKET", system)
        assert find_socket(None, environ) == system


def test_a_socket_left_behind_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "mindbot.sock"
    listening(path).close()
    with bind_unix(path):
        assert path.stat().st_mode & 0o777 == 0o660
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))  # waits in the backlog before anybody accepts


def test_a_socket_that_answers_is_left_alone_and_its_process_named(tmp_path: Path) -> None:
    path = tmp_path / "mindbot.sock"
    with listening(path), pytest.raises(Conflict, match=str(os.getpid())):
        bind_unix(path)
    assert path.is_socket()


def test_a_socket_with_a_full_backlog_is_somebody_too(tmp_path: Path) -> None:
    path = tmp_path / "mindbot.sock"
    with listening(path, 0), socket.socket(socket.AF_UNIX) as first:
        first.connect(str(path))
        with pytest.raises(Conflict):
            bind_unix(path)


def test_a_file_that_is_no_socket_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("data")
    with pytest.raises(ConfigError):
        bind_unix(path)
    assert path.read_text() == "data"


def test_a_path_that_is_too_long_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="too long"):
        bind_unix(tmp_path / ("x" * 108))


def test_only_our_own_socket_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "mindbot.sock"
    with listening(path):
        remove_unix(path, path.stat().st_ino + 1)
        assert path.exists()
        remove_unix(path, path.stat().st_ino)
        assert not path.exists()
        remove_unix(path, 1)


def test_a_second_lock_names_the_first_process(tmp_path: Path) -> None:
    ours = rf"pid {os.getpid()}\b"
    with only_one(tmp_path / "state"), pytest.raises(Conflict, match=ours), only_one(tmp_path / "state"):
        pass
    with only_one(tmp_path / "state"):
        pass


def test_a_lock_holds_where_there_is_no_room_for_the_name_of_its_process(tmp_path: Path) -> None:
    small = resource.getrlimit(resource.RLIMIT_FSIZE)
    was = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, small[1]))
    try:
        with only_one(tmp_path), pytest.raises(Conflict, match="pid unknown"), only_one(tmp_path):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, small)
        signal.signal(signal.SIGXFSZ, was)


async def test_nobody_there_says_how_to_start_a_daemon(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.sock", tmp_path / "left.sock"):
        if path.name == "left.sock":
            listening(path).close()
        with pytest.raises(Unreachable, match="mindbot daemon run"):
            Client(path).ask(calls.ping())
        async with AsyncClient(path) as client:
            with pytest.raises(Unreachable, match="mindbot daemon run"):
                await client.ask(calls.ping())


async def test_a_daemon_that_hangs_is_a_timeout(tmp_path: Path) -> None:
    path = tmp_path / "mindbot.sock"
    call = calls.ApiCall("GET", "/v1/ping", lambda found: found, timeout=0.05)
    with listening(path):
        with pytest.raises(TimedOut):
            Client(path).ask(call)
        async with AsyncClient(path) as client:
            with pytest.raises(TimedOut):
                await client.ask(call)


async def test_an_answer_that_cannot_be_read_is_an_error_of_ours(up: Running) -> None:
    call = calls.ApiCall("GET", "/v1/metrics", lambda found: found)
    with pytest.raises(MindBotError, match="cannot read"):
        await up.client.ask(call)


async def test_a_second_daemon_on_the_same_socket_or_state_refuses(up: Running, tmp_path: Path) -> None:
    for where in (Place(up.socket, tmp_path / "other"), Place(tmp_path / "o.sock", tmp_path / "state")):
        second = Daemon(Configuration().load, opener(FakeRuntime()), where, Notifier({}), Inherited())
        with pytest.raises(Conflict, match=f"pid {os.getpid()}"):
            await second.run(Configuration().load())
    assert (await up.client.ask(calls.ping())).ok


async def test_the_socket_is_gone_after_the_daemon(tmp_path: Path) -> None:
    from daemon_here import running

    async with running(tmp_path) as up:
        assert up.socket.is_socket()
    assert not up.socket.exists()


async def test_a_client_that_hangs_up_during_an_upload_is_a_line_and_no_mistake_of_the_daemon(
    up: Running, caplog: pytest.LogCaptureFixture
) -> None:
    head = b"POST /v1/media HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n"
    with caplog.at_level("INFO"), structlog.testing.capture_logs() as lines:
        async with await anyio.connect_unix(up.socket) as connection:
            await connection.send(head + b"x" * 5000)
        with anyio.fail_after(PATIENCE):
            while not any(line["event"] == "api.client_gone" for line in lines):
                await anyio.sleep(0.01)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
    assert [line for line in lines if line["log_level"] == "error"] == []


async def said_to(path: Path, head: str, body: int) -> bytes:
    """Send a request whole before any of the answer is read; return the answer up to its end."""
    heard = b""
    async with await anyio.connect_unix(path) as stream:
        await stream.send(f"{head}\r\nhost: x\r\ncontent-length: {body}\r\n\r\n".encode())
        for _ in range(body >> 20):
            await stream.send(b"x" * (1 << 20))
        with suppress(anyio.EndOfStream):
            while True:
                heard += await stream.receive()
    return heard


@pytest.mark.parametrize("more", ["", "\r\nconnection: close"])
async def test_who_still_sends_what_is_refused_hears_why(up: Running, more: str) -> None:
    heard = await said_to(up.socket, f"POST /v1/turns HTTP/1.1{more}", 8 << 20)
    assert heard.startswith(b"HTTP/1.1 413") and b"over 1048576 bytes" in heard


async def test_who_never_ends_is_cut_off(up: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GuardedProtocol, "max_unread", 1 << 20)
    with pytest.raises(anyio.BrokenResourceError):
        await said_to(up.socket, "POST /v1/turns HTTP/1.1", 64 << 20)
