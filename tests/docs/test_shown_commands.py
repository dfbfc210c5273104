"""What the pages show is run, each command once, against one daemon among simulators."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import shown

from mindbot.api import calls
from mindbot.api.client import Client
from mindbot.api.models import SendMessage
from mindbot.cli.main import main
from mindbot.testing import configs
from mindbot.testing.processes import Daemon, daemon, free_port, simulators

pytestmark = pytest.mark.slow

#: They run until somebody ends them, end the daemon, or ask two people's terminals: other tests run them.
_ELSEWHERE = {
    "up", "tui", "sim", "bench", "tail", "daemon run", "daemon stop", "db restore", "db upgrade",
    "secret set", "secret delete", "session chat",
    "debug",  # its breakpoints would stop what other commands send: test_debugging_page types that page
}  # fmt: skip
#: 1: what was asked for is not so (a bot that does not work); 4: it takes its time; 5: a secret that is not
#: shown. Not: wrong usage, or a daemon that is not there.
_ENDS = {0, 1, 4, 5}


@dataclass
class Setting:
    """A daemon and what words in capitals stand for there."""

    daemon: Daemon
    stands_for: dict[str, str]


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    folder = tmp_path_factory.mktemp("shown")
    with simulators("wecom", "dingtalk", "wecomcs", "wecombot", "openai", "dify") as sims:
        config = configs.three(sims, free_port()) | configs.wecombot(sims) | configs.workflows(sims)
        with daemon(folder, config) as running:
            turn = Client(running.socket).ask(calls.send(SendMessage(text="hello")))
            (folder / "file").write_text("words")
            yield Setting(
                running,
                {
                    "TURN": turn.id,
                    "SESSION": turn.session,
                    "BOT": "wecom",
                    "PLATFORM": "wecom",
                    "FILE": str(folder / "file"),
                    "NAME": "wecom-secret",
                },
            )


def distinct() -> dict[tuple[str, ...], str]:
    """Return the whole commands of all pages that are no steps, once each, with a place where it is shown."""
    return {
        tuple(arguments): command.where
        for page in shown.PAGES
        for command in shown.commands(page)
        for arguments in shown.words(command.line)
        if command.whole and not command.step
    }


def run(setting: Setting, arguments: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """Run a command line in this process, as its own would; returns its end and what it said of failures."""
    out, err = io.StringIO(), io.StringIO()
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", out)
        patched.setattr(sys, "stderr", err)
        patched.setattr(sys, "stdin", io.StringIO("not-a-real-secret\n"))
        patched.setenv("MINDBOT_CONFIG", str(setting.daemon.config_file))
        patched.setenv("MINDBOT_SOCKET", str(setting.daemon.socket))
        with pytest.raises(SystemExit) as end:
            main(arguments)
    assert isinstance(end.value.code, int)
    return end.value.code, err.getvalue()


@pytest.mark.full
def test_every_command_of_the_pages_runs(
    setting: Setting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    failed, ran = [], 0
    for arguments, where in distinct().items():
        if (
            {arguments[0], " ".join(arguments[:2])} & _ELSEWHERE
            or "--config" in arguments
            or "ID" in arguments
        ):
            continue
        words = [setting.stands_for.get(word, "1" if word in {"N", "S"} else word) for word in arguments]
        code, said = run(setting, words, monkeypatch)
        ran += 1
        if code not in _ENDS or "Traceback" in said:
            failed.append((where, words, code, said))
    assert not failed
    assert ran > 20


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl")
def test_every_call_of_the_api_that_the_pages_show_is_answered(setting: Setting) -> None:
    shown_calls = {
        line: shown.named(page, number)
        for page in shown.PAGES
        for _, number, line in shown.shell(page)
        if line.startswith("curl --unix-socket ")
    }
    assert shown_calls
    failed = []
    for call, where in shown_calls.items():
        here = re.sub(r"(--unix-socket )\S+", rf"\1{setting.daemon.socket}", call.partition("  #")[0])
        ended = subprocess.run(
            f"{here} --silent --show-error --fail-with-body",
            shell=True,
            capture_output=True,
            text=True,
            timeout=30,
        )
        if ended.returncode:
            failed.append((where, here, ended.stdout, ended.stderr))
    assert not failed
