"""The console as a process in a real terminal: tmux, a daemon, simulated vendors."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mindbot.testing import processes
from mindbot.testing.processes import Daemon
from mindbot.testing.waiting import PATIENCE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]


class Terminal:
    """A tmux server of our own with one pane."""

    def __init__(self, folder: Path, command: list[str], width: int = 80, height: int = 24) -> None:
        self._socket = folder / "tmux"
        size = ["-x", str(width), "-y", str(height)]
        environ = ["-e", "LANG=C.UTF-8", "-e", "LC_ALL=C.UTF-8", "-e", "TZ=UTC", "-e", "COLORTERM=truecolor"]
        # The pane outlives the command, so that its last words can be read.
        self._tmux("-f", "/dev/null", "new-session", "-d", *size, *environ, "sh")
        self._tmux("set-option", "-g", "escape-time", "0")
        self.keys(" ".join(command), "Enter")

    def _tmux(self, *words: str) -> str:
        command = ["tmux", "-u", "-S", str(self._socket), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=20).stdout

    def keys(self, *keys: str) -> None:
        for key in keys:
            self._tmux("send-keys", key)

    def text(self, text: str) -> None:
        self._tmux("send-keys", "-l", text)

    def resize(self, width: int, height: int) -> None:
        self._tmux("resize-window", "-x", str(width), "-y", str(height))

    @property
    def screen(self) -> str:
        return self._tmux("capture-pane", "-p")

    def sees(self, *texts: str) -> None:
        """Wait until all of these are on the screen."""
        self._until(lambda screen: all(text in screen for text in texts), f"{texts} did not show")

    def sees_no(self, text: str) -> None:
        self._until(lambda screen: text not in screen, f"{text} stayed")

    def _until(self, so, otherwise: str) -> None:  # type: ignore[no-untyped-def]
        end = time.monotonic() + PATIENCE
        while not so(screen := self.screen):
            assert time.monotonic() < end, f"{otherwise}:\n{screen}"
            time.sleep(0.05)

    def close(self) -> None:
        subprocess.run(["tmux", "-S", str(self._socket), "kill-server"], check=False, timeout=20)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with processes.simulators("wecom", "openai", args=["--latency", "20"]) as sims:
        config = processes.wecom_config(sims, processes.free_port())
        config["wecom"]["agent_id"] = sims["wecom"]["agent_id"]  # nobody asked it before it writes
        with processes.daemon(tmp_path, config) as running:
            yield running


@pytest.fixture
def terminal(tmp_path: Path, daemon: Daemon) -> Iterator[Terminal]:
    command = [sys.executable, "-m", "mindbot.cli.main", "--socket", str(daemon.socket), "tui"]
    terminal = Terminal(tmp_path, command)
    try:
        yield terminal
    finally:
        terminal.close()


@pytest.mark.full
def test_an_operators_first_minutes(daemon: Daemon, terminal: Terminal) -> None:
    terminal.sees("● attached", "no turns yet")
    for n in range(3):
        sent = daemon.cli("send", f"我的订单 {n}", "--platform", "wecom", "--user", "alice", "--yes")
        assert sent.returncode == 0, sent.stderr
    assert daemon.cli("send", "ping", "--user", "bob").returncode == 0
    terminal.sees("我的订单 2", "ping", "✓")

    terminal.keys("/")
    terminal.text('platform == "wecom" and took > 1ms')
    terminal.keys("Enter")
    terminal.sees("3/4", "我的订单 2", "$ mindbot turns 'platform ==")
    terminal.sees_no("ping")

    terminal.keys("Enter")
    terminal.sees("✓ answered", "deliver›errors", "›run", "我的订单 2")
    terminal.keys("End")
    terminal.sees("delivery wecom/default", "model openai")
    terminal.keys("Right")
    terminal.sees("user: 我的订单 2")
    terminal.keys("Escape")
    terminal.sees("3/4")

    terminal.keys("x", "s")
    terminal.text("@carol hello from the terminal")
    terminal.keys("Enter")
    terminal.sees("carol", "hello from the", "$ mindbot send 'hello from the terminal'")

    terminal.keys("Escape")
    daemon.kill()
    terminal.sees("detached for", "hello from the")
    daemon.start()
    terminal.sees("● attached", "hello from the")
    terminal.sees_no("detached for")
    assert daemon.cli("send", "after the restart", "--user", "dave").returncode == 0
    terminal.sees("after the rest", "dave")

    terminal.keys("q")
    terminal.sees("$")
    terminal.sees_no("● attached")
    assert daemon.cli("daemon", "status").returncode == 0


@pytest.mark.full
def test_a_text_is_opened_in_ones_own_program(daemon: Daemon, tmp_path: Path) -> None:
    program, opened = tmp_path / "editor", tmp_path / "opened"
    look = f'echo "it has"; cat "$1"; stat -c "mode %a" "$1"; echo "$1" > {opened}; read line'
    program.write_text(f"#!/bin/sh\n{look}\n")
    program.chmod(0o700)
    command = [sys.executable, "-m", "mindbot.cli.main", "--socket", str(daemon.socket), "tui"]
    terminal = Terminal(tmp_path, [f"VISUAL={program}", *command])
    try:
        terminal.sees("● attached", "no turns yet")
        assert daemon.cli("send", "what an editor shows").returncode == 0
        terminal.sees("what an editor")
        terminal.keys("Enter")
        terminal.sees("›run", "what an editor shows")
        terminal.keys("C-o")
        terminal.sees("it has", "what an editor shows", "mode 600")
        assert daemon.cli("send", "said meanwhile").returncode == 0
        terminal.keys("Enter")  # for the program, which ends
        terminal.sees("›run", "what an editor shows")
        terminal.sees_no("it has")
        assert not Path(opened.read_text().strip()).exists()
        terminal.keys("Escape")
        terminal.sees("said meanwhile", "● attached")
    finally:
        terminal.close()


@pytest.mark.full
def test_a_terminal_that_shrinks_and_grows(daemon: Daemon, terminal: Terminal) -> None:
    terminal.sees("● attached", "no turns yet")
    assert daemon.cli("send", "你好，世界").returncode == 0
    terminal.sees("你好，世界")
    for width, height in ((40, 10), (20, 5), (2, 2), (1, 1), (200, 60), (80, 24)):
        terminal.resize(width, height)
        terminal.keys("Enter", "Escape", "5", "?", "1")
    terminal.sees("你好，世界", "● attached")
