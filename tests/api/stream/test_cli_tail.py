"""`mindbot tail`: what people see, what pipes get, and how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from daemon_here import running

from mindbot.api.stream import Batch, Connected, Disconnected, Gap, Reset
from mindbot.cli.main import main
from mindbot.cli.tail import Follower, Lines
from mindbot.domain.events import Event
from mindbot.testing.waiting import PATIENCE

if TYPE_CHECKING:
    from daemon_here import Running

pytestmark = pytest.mark.anyio

ENDED = {"platform": "wecom", "bot": "default", "user": "alice", "received": 1.0, "took_ms": 12.0}


def ended(id: str, text: str = "hi", seq: int = 1, **data: Any) -> dict[str, Any]:
    event = {"epoch": "E", "seq": seq, "ts": 2.0, "type": "turn.answered", "turn": id, "id": id}
    return event | ENDED | {"state": "answered", "text": text, "reply": "ho"} | data


@asynccontextmanager
async def tailing(up: Running, *arguments: str) -> AsyncIterator[anyio.abc.Process]:
    """A tail as a process, attached."""
    command = [sys.executable, "-m", "mindbot.cli.main", "--socket", str(up.socket), "tail", *arguments]
    async with await anyio.open_process(command, stderr=subprocess.PIPE) as process:
        with anyio.fail_after(PATIENCE):
            while not up.runtime.bus.wants("turn"):
                await anyio.sleep(0.02)
            yield process


async def test_people_get_one_aligned_line_a_turn(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines(machine=False, any_event=False)
    lines.events(
        [ended("T1"), ended("T2", "你好\n\x1b[31mred", user="someone-with-a-long-name", took_ms=99.5)]
    )
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("T1 ") and first.endswith("hi → ho")
    assert second.endswith("你好 [31mred → ho") and "\x1b" not in second
    assert first.index("wecom/default") == second.index("wecom/default")


async def test_pipes_get_json_lines_and_gaps(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    follower = Follower(str(tmp_path / "s"), "", [], Lines(machine=True, any_event=False))
    for update in (Connected(), Batch([ended("T1")]), Gap(7), Disconnected("gone"), Connected(True)):
        await follower._show(update)
    out, err = capsys.readouterr()
    event, gap = map(json.loads, out.splitlines())
    assert event["turn"] == "T1" and gap == {"gap": 7}
    assert "gone" in err and "connected again" in err


async def test_an_answer_that_did_not_arrive_is_a_line_more_and_one_that_did_at_last_too(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")

    def told(word: str, **more: Any) -> dict[str, Any]:
        return ended("T1", type="turn.delivery", delivery=word, undelivered=word == "undelivered") | more

    follower = Follower(str(tmp_path / "s"), "", [], Lines(machine=False, any_event=False))
    dead = told("undelivered", delivery_error="40004 invalid session")
    again = told("waiting"), told("waiting", state="queued")
    await follower._show(Batch([ended("T1", delivery="waiting"), dead, dead, *again, told("sent")]))
    first, second, third = capsys.readouterr().out.splitlines()
    assert " answered, waiting " in first and "undelivered" not in first
    assert " answered, undelivered " in second and "not delivered: 40004 invalid session" in second
    assert " answered, sent " in third


async def test_other_events_are_one_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    Lines(machine=False, any_event=True).events(
        [{"seq": 1, "ts": 2.0, "type": "log.line", "turn": "", "level": "info", "text": "a\nb"}]
    )
    assert "log.line" in (out := capsys.readouterr().out) and "level=info text=a b" in out


async def test_a_turn_that_ended_while_the_daemon_was_away_is_shown_once(
    up: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    import time

    follower = Follower(str(up.socket), "", [], Lines(machine=True, any_event=False))
    now = time.time()
    await follower._show(Batch([ended("SEEN", ts=now)]))
    up.runtime.turns = {
        id: ended(id, received=received)
        for id, received in (("LONG AGO", 1.0), ("SEEN", now), ("MISSED", now))
    }
    await follower._show(Reset("F"))
    await follower._show(Batch([ended("MISSED", ts=now), ended("NEW", ts=time.time() + 1)]))
    lines = list(map(json.loads, capsys.readouterr().out.splitlines()))
    assert [line.get("turn", line) for line in lines] == ["SEEN", {"reset": "F"}, "MISSED", "NEW"]


@pytest.mark.full
async def test_a_process_follows_until_its_limit(up: Running) -> None:
    async with tailing(up, "--limit", "2", "user == alice") as process:
        for user, id in (("alice", "A"), ("bob", "B"), ("alice", "C"), ("alice", "D")):
            up.runtime.bus.publish(Event("turn.answered", id, {"user": user}))
        up.runtime.bus.publish(Event("turn.queued", "E", {"user": "alice"}))
        assert process.stdout is not None
        out = b"".join([part async for part in process.stdout])
        assert [json.loads(line)["turn"] for line in out.splitlines()] == ["A", "C"]
        assert await process.wait() == 0


@pytest.mark.full
async def test_ctrl_c_ends_it_without_a_word(up: Running) -> None:
    async with tailing(up) as process:
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert b"".join([part async for part in process.stderr]) == b""
        assert await process.wait() == 0


async def test_no_daemon_is_exit_3_with_a_hint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        await anyio.to_thread.run_sync(main, ["--socket", str(tmp_path / "none.sock"), "tail"])
    assert end.value.code == 3 and "mindbot up" in capsys.readouterr().err


async def test_a_filter_that_does_not_parse_is_exit_2_with_the_fields(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(tmp_path) as up:
        with pytest.raises(SystemExit) as end:
            await anyio.to_thread.run_sync(main, ["--socket", str(up.socket), "tail", "colour == red"])
    err = capsys.readouterr().err
    assert end.value.code == 2 and "column 1" in err and "platform" in err
