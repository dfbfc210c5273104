"""The command line as a whole: help, lazy loading, exit codes; real processes where one is the point."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mindbot.cli.lazy import COMMANDS
from mindbot.cli.main import exit_code
from mindbot.domain import errors
from mindbot.testing.commands import mindbot
from mindbot.testing.waiting import PATIENCE

HEAVY = (
    "textual",
    "fastapi",
    "uvicorn",
    "httpx",
    "pydantic",
    "sqlalchemy",
    "chromadb",
    "langchain_core",
    "rich",
    "anyio",
)


def test_help_lists_every_command_and_imports_nothing_heavy() -> None:
    script = (
        "import json, sys\n"
        "from mindbot.cli.main import main\n"
        "try: main(['--help'])\n"
        "finally: print(json.dumps(sorted({m.partition('.')[0] for m in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=PATIENCE)
    text, _, modules = done.stdout.rstrip().rpartition("\n")
    assert not {*json.loads(modules)} & {*HEAVY}
    for name, (help_line, _) in COMMANDS.items():
        assert any(line.split()[:1] == [name] and help_line in line for line in text.splitlines()), name


def test_version() -> None:
    command = [sys.executable, "-m", "mindbot.cli.main", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0 and done.stdout.startswith("mindbot ")


@pytest.mark.parametrize("command", ["send", "turns", "trace", "platform", "dlq", "daemon", "up"])
def test_every_command_explains_itself(command: str) -> None:
    done = mindbot(command, "--help")
    assert done.returncode == 0 and done.stdout.startswith(f"Usage: mindbot {command}")


def test_a_misspelt_command_is_a_usage_error_with_a_suggestion() -> None:
    done = mindbot("trun")
    assert done.returncode == 2 and "turns" in done.stderr


@pytest.mark.parametrize(
    "arguments", [["send"], ["send", ""], ["turns", "--limit", "0"], ["send", "x", "--nope"]]
)
def test_wrong_usage_exits_2(arguments: list[str]) -> None:
    assert mindbot(*arguments).returncode == 2


def test_no_daemon_exits_3_and_says_how_to_start_one(tmp_path: Path) -> None:
    done = mindbot("--socket", str(tmp_path / "mindbot.sock"), "send", "hello")
    assert done.returncode == 3 and done.stdout == ""
    assert "mindbot daemon run" in done.stderr and str(tmp_path) in done.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.NotFound("x"), 1),
        (errors.Unreachable("x"), 3),
        (errors.TimedOut("x"), 4),
        (errors.Forbidden("x"), 5),
        (errors.ConfigError("x"), 1),
    ],
)
def test_errors_have_their_exit_codes(error: errors.MindBotError, code: int) -> None:
    assert exit_code(error) == code


def test_a_reader_that_leaves_early_is_no_error_message() -> None:
    script = f"{sys.executable} -m mindbot.cli.main --help | true"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=PATIENCE)
    assert done.stderr == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_can_be_installed(shell: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from mindbot.cli.main import main; main()"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={"_MINDBOT_COMPLETE": f"source_{shell}", "PATH": "/usr/bin:/bin"},
    )
    assert "_MINDBOT_COMPLETE" in done.stdout


def test_completion_knows_commands_and_their_subcommands() -> None:
    def complete(words: str, index: int) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", "from mindbot.cli.main import main; main()"],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env={
                "_MINDBOT_COMPLETE": "complete_bash",
                "COMP_WORDS": words,
                "COMP_CWORD": str(index),
                "PATH": "/usr/bin:/bin",
            },
        )
        return done.stdout.split()

    assert complete("mindbot tur", 1) == ["turns"]
    assert set(complete("mindbot dlq ", 2)) == {"list", "show", "retry", "discard", "restore"}


@pytest.mark.full
@pytest.mark.parametrize(
    ("shell", "said"),
    [
        ("mindbot() { '%s' -m mindbot.cli.main \"$@\"; }; mindbot config schema >&-", ""),
        ("mindbot() { '%s' -m mindbot.cli.main \"$@\"; }; mindbot config schema >&- 2>&-", ""),
        ("mindbot() { '%s' -m mindbot.cli.main \"$@\"; }; mindbot config schema >/dev/full", "No space left"),
        ("mindbot() { '%s' -m mindbot.cli.main \"$@\"; }; mindbot config schema | head -1", "{"),
    ],
)
def test_an_output_that_cannot_be_written_is_no_traceback(shell: str, said: str) -> None:
    done = subprocess.run(
        ["sh", "-c", shell % sys.executable], capture_output=True, text=True, timeout=PATIENCE
    )
    assert said in done.stdout + done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["x" * 100_001], "TEXT"),
        (["hi", "--user", "u" * 300], "--user"),
        ([b"\xff\xfe"], "not UTF-8"),
    ],
)
def test_what_cannot_be_sent_is_a_usage_error(
    tmp_path: Path, arguments: list[str | bytes], said: str
) -> None:
    with socket.socket(socket.AF_UNIX) as listener:  # nobody is asked
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        words = [os.fsdecode(each) for each in arguments]  # as Python hands them to a process
        done = mindbot("--socket", str(tmp_path / "s"), "send", *words)
    assert done.returncode == 2 and said in done.stderr


def test_a_text_typed_in_another_locale_arrives(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom mindbot.cli.orders import typed\nfrom mindbot.cli.output import print_json\n"
        "print_json(typed(sys.argv[1], 'text'))"
    )
    environ = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-c", script, "你好😀"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, env=environ)
    assert done.stdout.isascii() and json.loads(done.stdout) == "你好😀", done.stderr
