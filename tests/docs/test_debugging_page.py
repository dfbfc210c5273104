"""The tutorial of docs/debugging.md, typed from its top: each command works, and says what the page says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import shown

from mindbot.testing import processes
from mindbot.testing.debugging import DebugOperator
from mindbot.testing.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.full]
PAGE = shown.ROOT / "docs" / "debugging.md"
#: They run until somebody ends them; what the fixtures are stands for them.
_RUNNING = ("up", "sim")


def steps() -> list[list[str]]:
    """Return the commands of the page's blocks, as arguments of `mindbot`."""
    return [shlex.split(line)[1:] for _, _, line in shown.shell(PAGE) if line.startswith("mindbot ")]


def test_the_tutorial_can_be_typed(tmp_path: Path) -> None:
    """With what a MindBot without a configuration has: the chat of this machine, a model that echoes."""
    turn = ""
    with processes.daemon(tmp_path, {"providers": {"scripted": {}}}) as daemon:
        operator = DebugOperator(daemon)
        for command in steps():
            if command[0] in _RUNNING:
                continue
            if "TURN" in command:
                if not turn:
                    (stands,) = wait_for(lambda: operator.parked)
                    turn = stands["turn"]
                command = [turn if word == "TURN" else word for word in command]
            done = daemon.run(*command)
            assert done.returncode == 0, (command, done.stdout, done.stderr)
        wait_for(lambda: '"answered"' in daemon.run("turns", "user == alice").stdout)
        answered = daemon.run("turns", "user == alice").stdout
        assert "echo: Where is my parcel?" in answered
        assert operator.sees("list", "--json") == {"breakpoints": [], "parked": []}


def test_every_command_of_the_debugger_is_on_the_page() -> None:
    from mindbot.cli.lazy import load

    page = PAGE.read_text(encoding="utf-8")
    assert {name for name in load("debug").commands if f"mindbot debug {name}" not in page} == set()


def test_every_option_of_a_breakpoint_is_on_the_page() -> None:
    from mindbot.cli.lazy import load

    page = PAGE.read_text(encoding="utf-8")
    options = {o for p in load("debug").commands["break"].params for o in p.opts if o.startswith("--")}
    assert {o for o in options - {"--help"} if not re.search(rf"{o}\b", page)} == set()
