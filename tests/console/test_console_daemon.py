"""A console on a real daemon in a process of its own, over its real socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from anyio import to_thread
from console_driver import console

from mindbot.testing import processes
from mindbot.testing.processes import Daemon
from mindbot_tui.remote import Remote

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with processes.daemon(tmp_path, {"providers": {"scripted": {}}}) as running:
        yield running


async def test_a_message_from_the_box_and_its_turn_in_every_view(daemon: Daemon) -> None:
    async with console(Remote(daemon.socket)) as person:
        await person.sees("● attached", "no turns yet")
        await person.press("s")
        await person.type("@alice hello there")
        await person.press("enter")
        await person.sees("alice", "echo: hello there", "✓")
        await person.press("escape", "enter")
        await person.sees("✓ answered", "deliver › errors", "model scripted", "delivery console/default")
        await person.press("right")
        await person.sees("user: hello there")
        await person.press("escape", "3")
        await person.sees("console:default:alice")
        await person.press("2")
        await person.sees("● ok")
        await person.press("5")
        await person.sees("api.socket")
        await person.press("6")
        await person.sees("dispatcher")
        await person.press("4")
        await person.sees("no dead letters")
        await person.press("7")
        await person.sees("── scripted ──", "first word", "1 calls")
        await person.press("enter")
        await person.sees("Provider scripted", "no late errors")
        await person.press("t")
        await person.sees("✓ answer: first word after")


@pytest.mark.full
async def test_a_killed_daemon_is_missed_and_found_again_without_a_silent_gap(daemon: Daemon) -> None:
    async with console(Remote(daemon.socket)) as person:
        await person.sees("● attached")
        await to_thread.run_sync(daemon.cli, "send", "before the crash")
        await person.sees("echo: before the crash")
        await to_thread.run_sync(daemon.kill)
        await person.sees("detached for", "echo: before the crash")
        await to_thread.run_sync(daemon.start)
        await person.sees("● attached")
        await person.sees_no("detached for")
        await to_thread.run_sync(daemon.cli, "send", "after the crash")
        await person.sees("echo: before the crash", "echo: after the crash")
        await person.press("6")
        await person.sees("attached again after", "the daemon was started again; listing again")


@pytest.mark.full
async def test_a_console_that_is_there_first_waits_for_its_daemon(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, {"providers": {"scripted": {}}})
    async with console(Remote(daemon.socket)) as person:
        await person.sees("No daemon.", str(daemon.socket), "mindbot up")
        try:
            await to_thread.run_sync(daemon.start)
            await person.sees("● attached", "no turns yet")
        finally:
            await to_thread.run_sync(daemon.stop)


@pytest.mark.full
async def test_a_reload_that_cannot_be_used_says_why(daemon: Daemon) -> None:
    daemon.config_file.write_text('{"providers": {"scripted": {}}, "chatt": {}}')
    async with console(Remote(daemon.socket)) as person:
        await person.sees("● attached")
        await person.press("5")
        await person.sees("api.socket")
        await person.press("r")
        await person.sees("the configuration has 1 problem", "mindbot.yaml:1", "chatt", "Did you mean")
        await person.press("escape")
        await person.sees_no("chatt")
