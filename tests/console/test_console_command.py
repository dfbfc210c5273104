"""`mindbot tui` as a process: what it imports, what it refuses, and the console in a browser."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from mindbot.testing.waiting import PATIENCE

MINDBOT = [sys.executable, "-m", "mindbot.cli.main"]
pytestmark = pytest.mark.slow


def run(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MINDBOT, *words], capture_output=True, text=True, timeout=PATIENCE, env=os.environ | environ
    )


def test_help_does_not_wait_for_textual() -> None:
    code = "import sys, mindbot_tui.command; print([m for m in sys.modules if m.startswith('textual')])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE)
    assert found.stdout.strip() == "[]", found.stderr


def test_in_a_pipe_it_says_what_to_use_instead() -> None:
    found = run("tui")
    assert found.returncode == 1
    assert "needs a terminal" in found.stderr
    assert "mindbot tail" in found.stderr


@pytest.mark.full
@pytest.mark.parametrize(
    ("words", "environ", "said"),
    [
        (["--lang", "xx"], {}, "no language 'xx'"),
        (["--theme", "pink"], {}, "no theme 'pink'"),
        ([], {"MINDBOT_CONSOLE_COLOR": "mauve"}, "no colour 'mauve'"),
    ],
)
def test_looks_that_do_not_exist_are_refused(words: list[str], environ: dict[str, str], said: str) -> None:
    found = run("tui", *words, **environ, TEXTUAL_DRIVER="textual.drivers.web_driver:WebDriver")
    assert found.returncode == 1
    assert said in found.stderr
