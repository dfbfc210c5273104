"""The console as a process whose terminal goes, or that is told to go itself."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from console_web import ADDRESS, asked
from websockets.sync.client import ClientConnection, connect

from mindbot.testing import processes
from mindbot.testing.processes import Daemon
from mindbot.testing.waiting import PATIENCE, wait_for

MINDBOT = [sys.executable, "-m", "mindbot.cli.main"]
pytestmark = pytest.mark.slow


class Line:
    """Our end of a pseudo-terminal with a console at the other one."""

    def __init__(self, socket: Path, *words: str, deaf: bool = False, **environ: str) -> None:
        self._ours, theirs = pty.openpty()
        os.set_blocking(self._ours, False)
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.drawn = b""

        def begin() -> None:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            if deaf:
                signal.signal(signal.SIGHUP, signal.SIG_IGN)

        self.console = subprocess.Popen(
            [*MINDBOT, "--socket", str(socket), *(words or ["tui"])],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=begin,
            env=os.environ | {"LANG": "C.UTF-8", "TERM": "xterm-256color"} | environ,
        )
        os.close(theirs)

    def sees(self, text: str) -> None:
        wait_for(lambda: text.encode() in self._read(), lambda: f"{text!r} did not show: {self.drawn!r}")

    def _read(self) -> bytes:
        with suppress(BlockingIOError, OSError):  # EIO: the last one at the other end has closed it
            while data := os.read(self._ours, 1 << 16):
                self.drawn += data
        return self.drawn

    def ends(self) -> int:
        """Wait for the end of the console, while we read what it says; return its exit status."""
        return wait_for(lambda: (self._read() or True) and self._status())[0]

    def _status(self) -> list[int]:
        code = self.console.poll()
        return [] if code is None else [code]

    def cut(self) -> None:
        """Go, as a window does that is closed."""
        if self._ours >= 0:
            os.close(self._ours)
            self._ours = -1

    def close(self) -> None:
        self.cut()
        self.console.kill()
        self.console.wait()


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with processes.daemon(tmp_path_factory.mktemp("daemon"), {"providers": {"scripted": {}}}) as running:
        yield running


@pytest.mark.full
@pytest.mark.parametrize("deaf", [True, False], ids=["SIGHUP ignored", "SIGHUP"])
def test_a_console_ends_with_its_terminal(daemon: Daemon, deaf: bool) -> None:
    line = Line(daemon.socket, deaf=deaf)
    try:
        line.sees("attached")
        line.cut()
        assert line.console.wait(PATIENCE) == 1
    finally:
        line.close()


@pytest.mark.full
@pytest.mark.parametrize(("told", "status"), [(signal.SIGHUP, 1), (signal.SIGTERM, 0)])
def test_a_console_that_is_told_to_go_leaves_the_terminal_as_it_was(
    daemon: Daemon, told: signal.Signals, status: int
) -> None:
    line = Line(daemon.socket)
    try:
        line.sees("attached")
        line.console.send_signal(told)
        assert line.ends() == status
        assert b"\x1b[?1049l\x1b[?25h" in line.drawn  # the screen that was there before, and a cursor
        assert b"Traceback" not in line.drawn
    finally:
        line.close()


@pytest.mark.full
@pytest.mark.parametrize("when", ["before it shows", "while it shows", "and is killed"])
def test_a_terminal_that_goes_takes_the_daemon_under_its_console_along(tmp_path: Path, when: str) -> None:
    socket = tmp_path / "own.sock"
    line = Line(socket, "up", XDG_CONFIG_HOME=str(tmp_path), STATE_DIRECTORY=str(tmp_path))
    try:
        if when != "before it shows":
            line.sees("attached")
        daemon = wait_for(lambda: _ours(str(socket)) - {line.console.pid})
        if when == "and is killed":
            line.console.kill()
        line.cut()
        assert line.console.wait(PATIENCE) != 0
        if when == "and is killed":
            wait_for(lambda: not daemon & _ours(str(socket)))
        assert not daemon & _ours(str(socket))
        assert "Traceback" not in (tmp_path / "up.log").read_text()
    finally:
        line.close()
        for each in _ours(str(socket)):
            os.kill(each, signal.SIGKILL)


@pytest.mark.full
def test_a_terminal_that_goes_while_the_demo_starts_leaves_nothing_behind(tmp_path: Path) -> None:
    line = Line(tmp_path / "unused.sock", "up", "--demo", TMPDIR=str(tmp_path))
    daemon: set[int] = set()
    try:
        (config,) = wait_for(lambda: list(tmp_path.glob("mindbot-demo*/mindbot.yaml")))
        daemon = wait_for(lambda: _ours(str(config)))
        line.cut()
        assert line.console.wait(PATIENCE) != 0
        wait_for(lambda: not _ours(str(config)))
        assert not list(tmp_path.glob("mindbot-demo*"))
    finally:
        line.close()
        for each in daemon & _ours(str(config)):
            os.kill(each, signal.SIGKILL)


@pytest.mark.parametrize("closed", ["stdin", "stderr"])
def test_half_a_terminal_is_none(closed: str) -> None:
    ours, theirs = pty.openpty()
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), theirs) | {closed: subprocess.DEVNULL}
    try:
        console = subprocess.run([*MINDBOT, "tui"], timeout=PATIENCE, check=False, **streams)  # type: ignore[call-overload]
        assert console.returncode == 1
    finally:
        os.close(theirs)
        os.close(ours)


@pytest.mark.full
def test_a_console_in_a_browser_ends_with_its_server(tmp_path: Path) -> None:
    port = processes.free_port()
    options = ["--socket", str(tmp_path / "none.sock"), "tui", "--web", "--port", str(port)]
    with (tmp_path / "said").open("w") as said:
        server = subprocess.Popen([*MINDBOT, *options], stderr=said, start_new_session=True)

    def page() -> ClientConnection | None:
        if not (found := ADDRESS.search((tmp_path / "said").read_text())):
            return None
        with suppress(ConnectionRefusedError):  # the address is told a moment before it is listened at
            _, cookie = asked(found[0])
            url, origin = f"ws://127.0.0.1:{port}/ws?width=80&height=24", f"http://127.0.0.1:{port}"
            return connect(url, origin=origin, additional_headers={"Cookie": cookie})  # type: ignore[arg-type]
        return None

    drawn = b""
    try:
        with wait_for(page) as opened:
            while b"mindbot up" not in drawn:
                data = opened.recv(timeout=PATIENCE)
                drawn += data.encode() if isinstance(data, str) else data
            server.kill()
            server.wait()
        wait_for(lambda: not _group(server.pid), lambda: f"{_group(server.pid)} are still there")
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()
    assert "Traceback" not in (tmp_path / "said").read_text()


def _ours(word: str) -> set[int]:
    """Return the processes with a word on their command line."""
    found = set()
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if word.encode() in each.read_bytes().split(b"\0"):
                found.add(int(each.parent.name))
    return found


def _group(id: int) -> list[int]:
    """Return the processes of a session that are not done."""
    found = []
    for each in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            pid, rest = each.parent.name, each.read_text().rpartition(")")[2].split()
            if int(rest[3]) == id and rest[0] != "Z":
                found.append(int(pid))
    return found
