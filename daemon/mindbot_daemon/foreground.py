"""`mindbot up` on a terminal: the daemon as a child of ours, the console on top of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mindbot.api import calls
from mindbot.api.client import Client
from mindbot.domain.errors import MindBotError, Unreachable
from mindbot_daemon.children import with_us

_START = 30.0  # seconds the daemon has to answer
_LOOK_EVERY = 0.1


def with_console(files: Sequence[str], socket: str | None) -> int:
    """Run a daemon and a console on it; leaving the console drains and stops the daemon.

    Returns: the daemon's exit status.

    Raises:
        ConfigError: the configuration cannot be used.
        Unreachable: the daemon did not come up; the message has the end of its log.
    """
    from mindbot.config.load import load
    from mindbot_daemon.main import place_of
    from mindbot_tui.start import start

    place = place_of(load(files or None), socket, os.environ)
    command = [sys.executable, "-m", "mindbot.cli.main", "--socket", str(place.socket)]
    for file in files:
        command += ["--config", str(file)]
    place.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    log = place.state_dir / "up.log"
    with _child([*command, "daemon", "run"], log, place.drain_timeout + 10) as daemon:
        _wait_for(daemon, place.socket, log)
        start(str(place.socket))
    print(f"the daemon has stopped; its log is {log}", file=sys.stderr)
    return daemon.returncode


@contextmanager
def _child(command: Sequence[str], log: Path, patience: float) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command with its output in a file; SIGTERM ends it, SIGKILL after ``patience`` seconds.

    A signal that is to end us ends it first, also one that comes while it is being started; see
    `mindbot_daemon.children` for one that cannot be caught.
    """
    early: list[int] = []
    for each in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(each, lambda number, _: early.append(number))
    with log.open("wb") as out:
        child = subprocess.Popen(  # noqa: S603 - our own program
            command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, **with_us()
        )
    try:
        for each in (signal.SIGHUP, signal.SIGTERM):
            signal.signal(each, _leave)
        if early:
            raise SystemExit(128 + early[0])
        yield child
    finally:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a shell that goes says it again; we wait for the end
        child.terminate()
        try:
            child.wait(patience)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _leave(number: int, _: object) -> None:
    raise SystemExit(128 + number)


def _wait_for(daemon: subprocess.Popen[bytes], socket: Path, log: Path) -> None:
    """Return when the daemon answers."""
    client = Client(socket)
    end = time.monotonic() + _START
    while time.monotonic() < end:
        if daemon.poll() is not None:
            break
        try:
            if client.ask(calls.ping()).pid == daemon.pid:
                return
        except MindBotError:
            pass  # not yet
        time.sleep(_LOOK_EVERY)
    raise Unreachable("the daemon did not come up", hint=f"the end of {log}:\n{log.read_text()[-2000:]}")
