"""The console as a process in a real terminal: tmux, a daemon, simulated vendors."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tmux_here import Terminal, needs_tmux

from mindbot.testing import processes
from mindbot.testing.processes import Daemon

pytestmark = [pytest.mark.slow, needs_tmux]


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
