"""The debugger in a real terminal: attach, break, edit, step, resume; each user gets one answer."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tmux_here import Terminal, needs_tmux

from mindbot.testing import configs, processes
from mindbot.testing.debugging import DebugOperator
from mindbot.testing.processes import Daemon
from mindbot.testing.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.full, needs_tmux]


@dataclass
class Desk:
    """A console in a terminal, the daemon behind it, and a user of its simulated WeCom."""

    terminal: Terminal
    daemon: Daemon
    wecom: str
    callback: str

    def write(self, user: str, text: str) -> None:
        body = {"user": user, "text": text, "url": self.callback}
        processes.post(f"{self.wecom}/_sim/push", body)

    def heard(self, user: str) -> list[str]:
        found = processes.get(f"{self.wecom}/_sim/inbox?user={user}")["messages"]
        return [each["text"] for each in found]

    def types(self, line: str) -> None:
        """Type a line behind the console's prompt."""
        self.terminal.keys(":")
        self.terminal.text(line)
        self.terminal.keys("Enter")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    port = processes.free_port()
    with (
        processes.simulators("wecom", "openai") as sims,
        processes.daemon(tmp_path, processes.wecom_config(sims, port) | {"debug": {"lease": 300}}) as daemon,
    ):
        command = [sys.executable, "-m", "mindbot.cli.main", "--socket", str(daemon.socket), "tui"]
        terminal = Terminal(tmp_path, command, width=120, height=36)
        try:
            terminal.sees("● attached", "no turns yet")
            yield Desk(terminal, daemon, sims["wecom"]["base_url"], configs.callback("wecom", port))
        finally:
            terminal.close()


def test_a_message_is_stopped_edited_stepped_and_answered_once(desk: Desk) -> None:
    screen = desk.terminal
    desk.types('break run text =~ "refund"')
    screen.sees("mindbot debug break --stage run")
    desk.write("alice", "I want a refund")
    screen.sees("‖ 1 ·", "before run")
    assert desk.heard("alice") == []

    screen.keys("D")
    screen.sees("compose ›", "before run", "mindbot debug list")
    screen.keys("e")
    screen.sees("message.text", "I want a refund")
    screen.text(", please")
    screen.keys("C-s")
    screen.sees("refund, please", "mindbot debug set")
    screen.keys("Space")
    screen.sees("after run")
    screen.keys("n")
    screen.sees("after compose")
    screen.keys("a")
    wait_for(lambda: desk.heard("alice"))
    screen.sees_no("‖ 1 ·")
    screen.keys("1")
    screen.sees("✓", "echo: I want a refu")
    assert desk.heard("alice") == ["echo: I want a refund, please"]
    assert DebugOperator(desk.daemon).parked == []


def test_a_console_that_is_closed_frees_its_turns(desk: Desk) -> None:
    desk.types("break run")
    desk.terminal.sees("mindbot debug break --stage run")
    desk.write("alice", "hello")
    desk.terminal.sees("‖ 1 ·")
    desk.terminal.keys("q")
    desk.terminal.sees_no("● attached")
    assert wait_for(lambda: desk.heard("alice")) == ["echo: hello"]
    assert DebugOperator(desk.daemon).sees("list", "--json") == {"breakpoints": [], "parked": []}
