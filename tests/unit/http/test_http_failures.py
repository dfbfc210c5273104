"""Failures: may the request have arrived, and does the error keep the caller's secrets?"""

from __future__ import annotations

import gzip
import socket
import threading
import traceback
import tracemalloc
from contextlib import suppress

import anyio
import pytest

from mindbot.domain.errors import LONGEST_WAIT, NetworkFailed, RateLimited, Rejected
from mindbot.http.client import HttpClient
from mindbot.http.websocket import open_websocket

pytestmark = pytest.mark.anyio


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


SECRET = "s3cr3t-t0ken"


async def failure(http: HttpClient, method: str, url: str, *, timeout: float = 30.0) -> NetworkFailed:
    """Return the error of a call whose URL holds a secret, having looked that nothing of it shows it."""
    http.allow(url)
    with pytest.raises(NetworkFailed) as caught:
        await http.request(method, f"{url}/path?access_token={SECRET}", timeout=timeout)
    error = caught.value
    assert SECRET not in "".join(traceback.format_exception(error)) + repr(error)
    assert error.__cause__ is error.__context__ is None
    return error


async def test_a_refused_connection_was_not_sent() -> None:
    async with HttpClient() as http:
        error = await failure(http, "POST", f"http://127.0.0.1:{free_port()}")
    assert (error.sent, error.code) == (False, "connect")
    assert error.hint == "check the host and port of the address, and that the server runs"


async def test_a_name_that_does_not_resolve_was_not_sent() -> None:
    async with HttpClient() as http:
        error = await failure(http, "POST", "http://no-such-host.invalid")
    assert (error.sent, error.code) == (False, "dns") and "this machine's DNS" in error.hint


async def test_a_failed_tls_handshake_was_not_sent(peer) -> None:
    async def not_tls(wire) -> None:
        await wire.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with peer(not_tls) as there, HttpClient() as http:
        error = await failure(http, "POST", there.url.replace("http:", "https:"))
    assert (error.sent, error.code) == (False, "tls") and "http:// in its address?" in error.hint


@pytest.mark.parametrize(("pool_wait", "timeout"), [(0.05, 30.0), (10.0, 0.05)])
async def test_waiting_for_a_free_connection_is_bounded_and_unsent(
    peer, pool_wait: float, timeout: float
) -> None:
    taken = anyio.Event()

    async def silent(wire) -> None:
        await wire.request()
        taken.set()
        await wire.closed()

    async with peer(silent) as there, HttpClient(per_host=1, pool_wait=pool_wait) as http:
        http.allow(there.url)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(http.request, "GET", there.url)
            await taken.wait()
            error = await failure(http, "POST", there.url, timeout=timeout)
            tasks.cancel_scope.cancel()
    assert not error.sent
    assert len(there.requests) == 1


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
async def test_a_connection_lost_after_sending_is_not_tried_again(peer, method: str) -> None:
    async def hang_up(wire) -> None:
        await wire.request()

    async with peer(hang_up) as there, HttpClient() as http:
        error = await failure(http, method, there.url)
    assert (error.sent, error.code) == (True, "disconnected")
    assert len(there.requests) == 1


@pytest.mark.full
async def test_no_answer_in_time(peer) -> None:
    async def silent(wire) -> None:
        await wire.request()
        await wire.closed()

    async with peer(silent) as there, HttpClient() as http:
        error = await failure(http, "POST", there.url, timeout=1.0)
    assert (error.sent, error.code) == (True, "timeout")


async def test_an_answer_that_breaks_off(peer) -> None:
    async def half(wire) -> None:
        await wire.request()
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")

    async with peer(half) as there, HttpClient() as http:
        error = await failure(http, "POST", there.url)
    assert (error.sent, error.code) == (True, "cut")


async def test_an_answer_that_is_not_http(peer) -> None:
    async def gibberish(wire) -> None:
        await wire.request()
        await wire.send(b"\x00\x01 what?\r\n\r\n")

    async with peer(gibberish) as there, HttpClient() as http:
        error = await failure(http, "POST", there.url)
    assert (error.sent, error.code) == (True, "garbage")


@pytest.mark.parametrize(
    "url", ["ftp://h/x", "http:///x", "nonsense", "http://127.1/", "http://2130706433/", "http://h:99999/"]
)
async def test_unusable_urls_are_refused(url: str) -> None:
    async with HttpClient() as http:
        with pytest.raises(Rejected):
            await http.request("GET", url)


async def test_a_header_that_would_split_the_request_is_refused(peer) -> None:
    async def silent(wire) -> None:
        await wire.closed()

    async with peer(silent) as there, HttpClient() as http:
        http.allow(there.url)
        with pytest.raises(Rejected) as caught:
            await http.request("GET", there.url, headers={"Authorization": "Bearer sekrit\r\nX: y"})
    assert "sekrit" not in str(caught.value)
    assert there.requests == []


async def test_a_closed_keep_alive_connection_is_replaced_before_anything_is_sent() -> None:
    """The peer's FIN lies in the kernel, unseen by the loop, when the next call picks the connection."""
    requests: list[bytes] = []
    hang_up, hung_up = threading.Event(), threading.Event()

    def serve(server: socket.socket) -> None:
        for _ in range(2):
            connection, _ = server.accept()
            with connection:
                requests.append(connection.recv(65536))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                hang_up.wait(5)
            hung_up.set()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=[server])
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        async with HttpClient() as http:
            http.allow(url)
            await http.request("POST", url + "/1")
            hang_up.set()
            assert hung_up.wait(5)  # blocks the loop: that is the point
            answer = await http.request("POST", url + "/2")
        thread.join(5)
    assert answer.body == b"ok"
    assert [request.split()[1] for request in requests] == [b"/1", b"/2"]


async def test_a_peer_that_always_hangs_up_first_was_sent_nothing() -> None:
    """Also on fresh connections: they are given up after a few, and nothing has left."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse() -> None:
            while True:
                try:
                    server.accept()[0].close()
                except OSError:
                    return

        thread = threading.Thread(target=refuse)
        thread.start()
        async with HttpClient() as http:
            error = await failure(http, "POST", f"http://127.0.0.1:{server.getsockname()[1]}")
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)
    assert error.code in ("stale", "disconnected")
    assert error.sent == (error.code == "disconnected")


@pytest.mark.full
async def test_interim_answers_for_ever_are_bounded_by_the_wait_for_the_first_byte(peer) -> None:
    async def never(wire) -> None:
        await wire.request()
        with suppress(anyio.BrokenResourceError):
            while True:
                await wire.send(b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n")
                await anyio.sleep(0.01)

    async with peer(never) as there, HttpClient(pool_wait=0.1) as http:
        http.allow(there.url)
        with pytest.raises(NetworkFailed) as caught:
            async with http.stream("POST", there.url, first_byte=1.0, total=60):
                pass
        assert (caught.value.code, caught.value.sent) == ("timeout", True)
        error = await failure(http, "POST", there.url, timeout=0.2)
    assert error.code == "timeout"


@pytest.mark.parametrize("way", ["request", "stream"])
async def test_a_body_that_swells_when_it_is_decoded_is_read_no_further_than_the_limit(
    peer, way: str
) -> None:
    bomb = gzip.compress(bytes(24 << 20))

    async def small(wire) -> None:
        await wire.request()
        await wire.answer(bomb, extra=b"Content-Encoding: gzip\r\n")

    async with peer(small) as there, HttpClient(max_body=1 << 20) as http:
        http.allow(there.url)
        tracemalloc.start()
        try:
            with pytest.raises(Rejected, match="an answer over 1048576 bytes"):
                if way == "request":
                    await http.request("GET", there.url)
                else:
                    async with http.stream("GET", there.url) as answer:
                        await answer.read()
            assert tracemalloc.get_traced_memory()[1] < 8 << 20
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("address", ["wss://[bad", "wss://host:99999999/x", "nothing", "wss://\ud800.x/"])
async def test_a_socket_to_what_is_no_address_is_a_failed_connection(address: str) -> None:
    async with HttpClient() as http:
        with pytest.raises(NetworkFailed, match="no address") as caught:
            await open_websocket(http, address, max_size=1000)
    assert not caught.value.sent


@pytest.mark.parametrize("far", [1e26, 2.5e11, float("inf")])
def test_nobody_waits_for_ages_because_a_header_says_so(far: float) -> None:
    error = RateLimited("slow down", retry_after=far)
    assert error.retry_after == LONGEST_WAIT and str(error) == "slow down (waiting 600s)"
