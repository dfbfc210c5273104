"""Streamed answers."""

from __future__ import annotations

import tracemalloc

import anyio
import pytest

from mindbot.domain.errors import NetworkFailed, Rejected, Truncated
from mindbot.http.attempt import HttpCall
from mindbot.http.client import HttpClient
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio

OPEN = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def says(*pieces: bytes):
    """A peer that writes these pieces, each in its own packet, and hangs up."""

    async def script(wire) -> None:
        await wire.request()
        for piece in pieces:
            await wire.send(piece)
            await anyio.sleep(0.005)

    return script


async def lines(http: HttpClient, url: str, **patience: float) -> list[bytes]:
    http.allow(url)
    async with http.stream("POST", url, json={"stream": True}, **patience) as answer:
        return [line async for line in answer.lines()]


async def test_lines_come_whole_however_they_are_cut(peer) -> None:
    pieces = OPEN, b"on", b"e\r", b"\ntwo\n\nthr\xe4", b"\xbd\xa0ee\n", b"rest"
    async with peer(says(*pieces)) as there, HttpClient() as http:
        assert await lines(http, there.url) == [b"one", b"two", b"", b"thr\xe4\xbd\xa0ee", b"rest"]


async def test_an_error_status_is_read_whole(peer) -> None:
    head = b"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\n"
    async with peer(says(head, b"slow")) as there, HttpClient() as http:
        http.allow(there.url)
        async with http.stream("POST", there.url, json={}) as answer:
            assert (answer.status, answer.headers["retry-after"]) == (429, "7")
            assert await answer.read() == b"slow"


async def test_an_answer_that_breaks_off_is_truncated(peer) -> None:
    calls: list[HttpCall] = []
    seen: list[bytes] = []
    cut = peer(says(CHUNKED, b"4\r\none\n\r\n", b"4\r\ntw"))
    async with cut as there, HttpClient(on_call=calls.append) as http:
        http.allow(there.url)
        with pytest.raises(Truncated):
            async with http.stream("POST", there.url, json={}) as answer:
                async for line in answer.lines():
                    seen += [line]
    assert seen == [b"one"]
    assert (calls[0].status, calls[0].error) == (200, "cut")


async def test_a_body_that_does_not_begin(peer) -> None:
    async def silent(wire) -> None:
        await wire.request()
        await wire.send(CHUNKED)
        await wire.closed()

    async with peer(silent) as there, HttpClient() as http:
        with pytest.raises(NetworkFailed) as caught:
            await lines(http, there.url, first_byte=0.05)
    assert (caught.value.code, caught.value.sent) == ("timeout", True)


@pytest.mark.parametrize("patience", [{"idle": 0.05}, {"total": 0.2}])
async def test_a_gap_and_the_whole_are_bounded(peer, patience: dict[str, float]) -> None:
    async def stuck(wire) -> None:
        await wire.request()
        await wire.send(CHUNKED + b"4\r\none\n\r\n")
        await wire.closed()

    async with peer(stuck) as there, HttpClient() as http:
        with pytest.raises(NetworkFailed) as caught:
            await lines(http, there.url, **patience)
    assert caught.value.code == "timeout"


async def test_a_line_without_end_is_refused(peer) -> None:
    async with peer(says(OPEN, b"x" * 600, b"x" * 600)) as there, HttpClient(max_line=1000) as http:
        with pytest.raises(Rejected):
            await lines(http, there.url)


async def test_leaving_early_hangs_up(peer) -> None:
    hung_up = anyio.Event()

    async def endless(wire) -> None:
        await wire.request()
        await wire.send(CHUNKED + b"4\r\none\n\r\n")
        await wire.closed()
        hung_up.set()

    async with peer(endless) as there, HttpClient() as http:
        http.allow(there.url)
        with anyio.fail_after(PATIENCE):
            async with http.stream("POST", there.url, json={}) as answer:
                async for line in answer.lines():
                    assert line == b"one"
                    break
            await hung_up.wait()


async def test_an_end_that_comes_after_the_last_line_keeps_the_connection(peer) -> None:
    async def late_end(wire) -> None:
        while await wire.request():
            await wire.send(CHUNKED + b"5\r\ndone\n\r\n")
            await anyio.sleep(0.005)
            await wire.send(b"0\r\n\r\n")

    async with peer(late_end) as there, HttpClient() as http:
        http.allow(there.url)
        for _ in range(2):
            async with http.stream("POST", there.url, json={}) as answer:
                async for line in answer.lines():
                    if line == b"done":
                        break
    assert (len(there.requests), there.connections) == (2, 1)


async def test_a_call_that_waits_for_its_answer_holds_its_question_once(peer) -> None:
    asked = anyio.Event()

    async def script(wire) -> None:
        await wire.request()
        wire.peer.requests.clear()
        asked.set()
        await wire.closed()

    async def ask(url: str) -> None:
        async with http.stream("POST", url, json={"text": "x" * 600_000}):
            pass

    async with peer(script) as there, HttpClient() as http:
        http.allow(there.url)
        tracemalloc.start()
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ask, there.url)
                with anyio.fail_after(PATIENCE):
                    await asked.wait()
                taken, _ = tracemalloc.get_traced_memory()
                tasks.cancel_scope.cancel()
        finally:
            tracemalloc.stop()
    assert taken < 3 * 600_000
