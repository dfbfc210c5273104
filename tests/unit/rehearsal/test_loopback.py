"""In a rehearsal no other machine is reached, whoever tries."""

from __future__ import annotations

import socket
import urllib.request
from urllib.error import URLError

import anyio
import pytest
from anyio import to_thread

from mindbot.domain.errors import NetworkFailed
from mindbot.http.client import HttpClient
from mindbot.rehearsal.loopback import is_here, only_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost", "", "0.0.0.0", "::1%lo"])
def test_this_machine_is_reached(host: str) -> None:
    assert is_here(host)


@pytest.mark.parametrize("host", ["192.0.2.1", "10.0.0.1", "169.254.169.254", "api.dify.ai", "2001:db8::1"])
def test_others_are_not(host: str) -> None:
    assert not is_here(host)


def test_connections_and_look_ups_are_refused_and_told() -> None:
    with only_loopback() as guard:
        with pytest.raises(PermissionError, match=r"192\.0\.2\.1"):
            socket.create_connection(("192.0.2.1", 80), 1)
        with pytest.raises(PermissionError):
            socket.getaddrinfo("api.dify.ai", 443)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, pytest.raises(PermissionError):
            udp.sendto(b"x", ("192.0.2.2", 53))
        with pytest.raises(URLError):
            urllib.request.urlopen("http://192.0.2.3/", timeout=1)
    assert guard.refused == ["192.0.2.1", "api.dify.ai", "192.0.2.2", "192.0.2.3"]


@pytest.mark.anyio
async def test_calls_of_the_product_are_refused_in_threads_and_in_the_loop() -> None:
    async with HttpClient() as http:
        http.allow("https://192.0.2.1")
        with only_loopback() as guard:
            for host in ("192.0.2.1", "api.openai.com"):
                with pytest.raises(NetworkFailed):
                    await http.request("GET", f"https://{host}/v1/models")
            with pytest.raises(PermissionError):
                await to_thread.run_sync(socket.create_connection, ("192.0.2.9", 80), 1)
            with pytest.raises(OSError):
                await anyio.connect_tcp("192.0.2.4", 443)
    assert set(guard.refused) == {"192.0.2.1", "api.openai.com", "192.0.2.9", "192.0.2.4"}


def test_afterwards_everything_is_as_it_was() -> None:
    with only_loopback():
        pass
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.connect(("192.0.2.1", 9))  # no datagram leaves by it
