"""What a shell offers: asked of the daemon, and nothing where there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from anyio import to_thread
from cli_here import Run
from daemon_here import Running

from mindbot.cli import completing
from mindbot.cli.main import main
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completing, "_PATIENCE", PATIENCE)


async def offered(capsys: pytest.CaptureFixture[str], socket: Path, line: str) -> dict[str, str]:
    """Return what is offered behind a line, and what is said of each."""

    def complete() -> None:
        with pytest.MonkeyPatch.context() as patched, pytest.raises(SystemExit):
            patched.setenv("_MINDBOT_COMPLETE", "complete_fish")
            patched.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
            patched.setenv("_TYPER_COMPLETE_ARGS", f"mindbot --socket {socket} {line}")
            main([])

    await to_thread.run_sync(complete)
    said = capsys.readouterr()
    assert not said.err
    rows = (row.partition("\t") for row in said.out.splitlines())
    return {value: told for value, _, told in rows if value}


NAMES = [
    ("platform show ", "console/default"),
    ("platform restart console/d", "console/default"),
    ("send hi --platform ", "console"),
    ("send hi --bot ", "default"),
    ("dlq retry ", "letter-1"),
    ("dlq retry letter-1 ", "letter-1"),
    ("provider test ", "scripted"),
    ("workflow show ", "code"),
    ("workflow dataset documents ", "handbook"),
    ("tail --topic he", "health"),
    ("log level wa", "warning"),
    ("sim wecomc", "wecomcs"),
    ("sim openai --face ", "openrouter"),
    ("bench ro", "route"),
    ("tui --lang ", "zh"),
    ("completion f", "fish"),
]


async def test_names_are_offered(up: Running, capsys: pytest.CaptureFixture[str]) -> None:
    for line, among in NAMES:
        found = await offered(capsys, up.socket, line)
        typed = line.rpartition(" ")[2]
        assert among in found and all(each.startswith(typed) for each in found), line


async def test_turns_are_offered_with_what_they_were_about(
    run: Run, up: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    await run("send", "who is who", "--user", "alice")
    (turn,) = up.runtime.turns
    for line in ("trace ", "turns --before ", f"trace {turn[:4]}", "platform take-back "):
        assert await offered(capsys, up.socket, line) == {turn: "answered alice: who is who"}


async def test_nothing_is_offered_or_said_where_no_daemon_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for line in ("trace ", "platform show ", "dlq retry ", "session clear "):
        assert await offered(capsys, tmp_path / "nobody.sock", line) == {}


@pytest.mark.full
@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
async def test_bash_completes_what_has_colons(up: Running, run: Run, tmp_path: Path) -> None:
    await run("send", "hi", "--session", "console:default:li")
    program = tmp_path / "mindbot"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m mindbot.cli.main "$@"\n')
    program.chmod(0o700)
    script = (
        'eval "$(mindbot completion bash)"\n'
        "complete_line() { COMP_LINE=$1 COMP_POINT=${#1}; _mindbot_completion mindbot\n"
        'echo "${COMPREPLY[*]}"; }\n'
        "complete_line 'mindbot platform show '\n"
        "complete_line 'mindbot platform show console/de'\n"
        "complete_line 'mindbot completion z'\n"
        "complete_line 'mindbot session clear console:default:'\n"
    )
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "MINDBOT_SOCKET": str(up.socket)}

    def ask() -> list[str]:
        done = subprocess.run(
            ["bash", "--norc", "-c", script], capture_output=True, text=True, timeout=PATIENCE, env=environ
        )
        assert not done.stderr
        return done.stdout.splitlines()

    assert await to_thread.run_sync(ask) == ["console/default", "console/default", "zsh", "li"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
async def test_other_shells_get_a_script_of_theirs(run: Run, shell: str) -> None:
    assert "_MINDBOT_COMPLETE=complete_" + shell in (await run("completion", shell)).out
