"""Conversations are recorded by the command line from a daemon; files that are none are refused by it."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_here import Run
from daemon_here import Running

from mindbot.api import calls
from mindbot.api.models import SendMessage
from mindbot.golden.file import read
from mindbot.testing.commands import mindbot

pytestmark = pytest.mark.anyio

SESSION = "console:default:mei"


async def said(up: Running, *texts: str) -> list[str]:
    """Return the turns of messages of one conversation."""
    orders = [SendMessage(text=text, user="mei", session=SESSION) for text in texts]
    return [(await up.client.ask(calls.send(order))).id for order in orders]


async def test_a_conversation_is_recorded_whole_and_one_turn_by_its_id(
    up: Running, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    turns = await said(up, "I am mei", "drop me", "call 13812345678")
    file = tmp_path / "golden.yaml"
    done = await run("record", SESSION, turns[0], "--out", str(file))
    assert (done.code, done.out) == (0, "") and "3 turns" in done.err
    (talk,) = read(file).conversations
    assert talk.user.startswith("user-") and [turn.text for turn in talk.turns][:2] == [
        f"I am {talk.user}",
        "drop me",
    ]
    assert talk.turns[1].expect.state == "dropped"
    assert talk.turns[2].answers[0].text == f"you said {talk.turns[2].text}" != "you said call 13812345678"
    shown = await run("record", turns[0], "--keep", "mei")
    assert shown.code == 0 and "text: I am mei" in shown.out and "drop me" not in shown.out
    again = await run("record", turns[0], "--out", str(file))
    assert again.code == 1 and "exists already" in again.err


async def test_what_nobody_said_cannot_be_recorded(up: Running, run: Run) -> None:
    for name in ("console:default:nobody", "nothing"):
        done = await run("record", name)
        assert done.code == 1 and "no turn or session" in done.err and "session list" in done.err


def test_a_bad_file_is_usage_and_told_by_its_line(tmp_path: Path) -> None:
    file = tmp_path / "golden.yaml"
    file.write_text("golden: 1\nconversations:\n- platfrom: wecom\n  user: a\n  turns: [{text: a}]\n")
    done = mindbot("test", str(file))
    assert done.returncode == 2 and f"{file}:3:3: " in done.stderr and "Did you mean platform?" in done.stderr
    missing = mindbot("test", str(tmp_path / "nowhere.yaml"))
    assert missing.returncode == 2 and "cannot be read" in missing.stderr
