"""`mindbot tui` as a process: what it imports, what it refuses, and the console in a browser."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from mindbot.testing import processes
from mindbot.testing.waiting import PATIENCE, wait_for

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


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A web server whose consoles find no daemon."""
    port = processes.free_port()
    command = [*MINDBOT, "--socket", str(tmp_path / "none.sock"), "tui", "--web", "--port", str(port)]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    assert "console on http://127.0.0.1" in server.stderr.readline()
    yield port
    server.send_signal(signal.SIGINT)
    server.wait(20)
    server.stderr.close()


def opened(port: int, origin: str) -> bytes:
    """Open a console like a browser does and return the beginning of what it draws."""
    url = f"ws://127.0.0.1:{port}/ws?width=80&height=24"

    def connection() -> ClientConnection | None:
        with suppress(ConnectionRefusedError):
            return connect(url, origin=origin)  # type: ignore[arg-type]
        return None

    drawn = b""
    with wait_for(connection) as page:
        while b"mindbot up" not in drawn:
            data = page.recv(timeout=PATIENCE)
            drawn += data.encode() if isinstance(data, str) else data
    return drawn


@pytest.mark.full
def test_a_browser_gets_a_console_of_its_own(port: int) -> None:
    assert b"No daemon." in opened(port, f"http://localhost:{port}")


@pytest.mark.full
def test_a_page_of_another_site_gets_none(port: int) -> None:
    opened(port, f"http://127.0.0.1:{port}")
    with pytest.raises(InvalidStatus) as refused:
        opened(port, "http://evil.example")
    assert refused.value.response.status_code == 403
