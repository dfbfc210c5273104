"""A daemon that cannot start says why to those who wait on the socket that systemd holds."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mindbot.api import calls, models
from mindbot.api.client import Client
from mindbot.domain.errors import ConfigError, MindBotError, Unreachable
from mindbot_daemon.refusing import refuse

BROKEN = ConfigError("the configuration cannot be used", problems=["mindbot.yaml:3: no setting 'prot'"])


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "api.sock"))
        bound.listen(64)
        yield bound


def ask(path: Path, heard: list[MindBotError], text: str) -> None:
    try:
        Client(path).ask(calls.send(models.SendMessage(text=text)))
    except MindBotError as error:
        heard.append(error)


def test_everyone_who_waits_hears_the_reason(listener: socket.socket, tmp_path: Path) -> None:
    heard: list[MindBotError] = []
    # The longer text does not fit the socket's buffer: it is still being sent when the answer comes.
    texts = ["hi", "hi", "喂" * 90_000]
    clients = [threading.Thread(target=ask, args=(tmp_path / "api.sock", heard, text)) for text in texts]
    for client in clients:
        client.start()
    told = 0
    while told < len(clients):
        told += refuse(listener, BROKEN)
    for client in clients:
        client.join(20)
    assert [type(error) for error in heard] == [Unreachable] * 3
    assert {error.message for error in heard} == {
        "the daemon cannot start: the configuration cannot be used: mindbot.yaml:3: no setting 'prot'"
    }
    assert "journalctl" in heard[0].hint


def test_nobody_is_waited_for(listener: socket.socket, tmp_path: Path) -> None:
    assert refuse(listener, BROKEN) == 0
    with socket.socket(socket.AF_UNIX) as gone:
        gone.connect(str(tmp_path / "api.sock"))
    assert refuse(listener, BROKEN) in (0, 1)  # whoever hung up costs nothing
