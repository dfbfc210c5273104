"""The console's debugger on a real daemon in a process of its own, over its real socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from anyio import to_thread
from console_driver import console

from mindbot.testing import processes
from mindbot.testing.processes import Daemon
from mindbot_tui.remote import Remote

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.full]


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    other = {"type": "scripted", "rules": [{"match": "", "reply": "We refund within a week."}]}
    with processes.daemon(tmp_path, {"providers": {"scripted": {}, "other": other}}) as running:
        yield running


async def test_a_message_is_stopped_edited_stepped_and_let_go(daemon: Daemon) -> None:
    async with console(Remote(daemon.socket)) as person:
        await person.sees("● attached")
        await person.press("b", "tab", "tab")
        await person.type('text =~ "refund"')
        await person.press("enter")
        await person.sees("breakpoint b1 is set")
        await person.press("s")
        await person.type("@carol I want a refund")
        await person.press("enter")
        await person.sees("‖ 1 ·", "left, before run")
        await person.press("escape", "D")
        await person.sees("before run", '"text": "I want a refund"')
        await person.press("e")
        await person.sees("Edit ", "message.text")
        await person.type(" today")
        await person.press("ctrl+s")
        await person.sees('"text": "I want a refund today"')
        await person.press("space")
        await person.sees("after run")
        await person.press("v")
        await person.sees("would be sent when it goes on", "echo: I want a refund today")
        await person.press("a")
        await person.sees("answered")
        await person.press("1")
        await person.sees("echo: I want a refund today")
        await person.sees_no("‖ 1 ·")


async def test_another_answers_at_a_stop(daemon: Daemon) -> None:
    async with console(Remote(daemon.socket)) as person:
        await person.sees("● attached")
        await person.press("i")
        await person.type("user == carol")
        await person.press("enter")
        await person.sees("stops user == carol")
        await person.press("s")
        await person.type("@carol I want a refund")
        await person.press("enter")
        await person.sees("‖ 1 ·")
        await person.press("escape", "D")
        await person.sees("before run")
        await person.press("equals_sign")
        await person.sees("the first")
        await person.type("scripted")
        await person.press("tab")
        await person.type("other")
        await person.press("enter")
        await person.sees("echo: I want a refund", "We refund within a week.")
        await person.press("right", "enter")
        await person.sees("is answered with what other said")
        await person.press("1")
        await person.sees("We refund within a week.", "✓")
        await person.sees_no("‖ 1 ·")


async def test_what_a_console_stopped_goes_on_when_it_has_left(daemon: Daemon) -> None:
    async with console(Remote(daemon.socket)) as first:
        await first.sees("● attached")
        await first.press("colon")
        await first.type("break run")
        await first.press("enter")
        await first.sees("breakpoint b1 is set")
        await to_thread.run_sync(daemon.cli, "send", "hello", "--no-wait")
        await first.sees("‖ 1 ·")
    async with console(Remote(daemon.socket)) as second:
        await second.sees("echo: hello")
        await second.press("colon")
        await second.type("breakpoints")
        await second.press("enter")
        await second.sees("no breakpoints")
