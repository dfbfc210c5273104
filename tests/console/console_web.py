"""A console's web server in tests: the addresses that it prints, and the cookie that one of them gives."""

from __future__ import annotations

import http.client
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

from mindbot.testing import processes
from mindbot.testing.waiting import PATIENCE, wait_for

COMMAND = [sys.executable, "-m", "mindbot.cli.main"]
ADDRESS = re.compile(r"http://\S+token=\S+")


@dataclass
class Web:
    """A web server whose consoles find no daemon, and the addresses that it printed."""

    port: int
    said: list[str]

    @property
    def addresses(self) -> list[str]:
        return [found[0] for line in self.said if (found := ADDRESS.search(line))]


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[Web]:
    port = processes.free_port()
    command = [*COMMAND, "--socket", str(folder / "none.sock"), "tui", "--web", "--port", str(port), *options]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    found = Web(port, [])
    reader = Thread(target=lambda: found.said.extend(iter(server.stderr.readline, "")))  # type: ignore[union-attr]
    reader.start()
    try:
        wait_for(lambda: found.addresses, lambda: found.said)
        wait_for(lambda: _listens(port), lambda: found.said)  # it tells its address a moment before
        yield found
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(PATIENCE)
        reader.join()
        server.stderr.close()


def _listens(port: int) -> bool:
    with socket.socket() as found:
        return found.connect_ex(("127.0.0.1", port)) == 0


def asked(url: str, cookie: str = "") -> tuple[int, str]:
    """Return the status and the cookie that a server answers with."""
    at = urlsplit(url)
    connection = http.client.HTTPConnection(at.netloc, timeout=PATIENCE)
    try:
        connection.request("GET", f"{at.path}?{at.query}", headers={"Cookie": cookie} if cookie else {})
        answer = connection.getresponse()
        return answer.status, answer.getheader("Set-Cookie", "").partition(";")[0]
    finally:
        connection.close()
