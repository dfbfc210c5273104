"""Whole answers: what goes out, what comes back, which connections are used."""

from __future__ import annotations

import json

import anyio
import pytest

from mindbot.domain.errors import Forbidden, NetworkFailed, Overloaded, Rejected
from mindbot.http.attempt import HttpCall
from mindbot.http.client import HttpClient
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio


async def answer_all(wire) -> None:
    while await wire.request():
        await wire.answer(b'{"ok": true}', extra=b"X-Request-Id: r1\r\n")


async def test_sends_json_and_reads_the_answer(peer) -> None:
    async with peer(answer_all) as there, HttpClient() as http:
        http.allow(there.url)
        answer = await http.request(
            "POST", there.url + "/v1/x", params={"a": "b c"}, json={"text": "你好"}, headers={"X-Key": "k"}
        )
    assert (answer.status, answer.json(), answer.headers["x-request-id"]) == (200, {"ok": True}, "r1")
    head, _, body = there.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/x?a=b+c HTTP/1.1")
    assert b"content-type: application/json" in head.lower()
    assert b"X-Key: k" in head
    assert json.loads(body) == {"text": "你好"}


async def test_sends_forms_and_bytes(peer) -> None:
    async with peer(answer_all) as there, HttpClient() as http:
        http.allow(there.url)
        await http.request("POST", there.url, data={"a": "1"})
        await http.request("POST", there.url, data=b"raw")
    assert there.requests[0].endswith(b"\r\n\r\na=1")
    assert there.requests[1].endswith(b"\r\n\r\nraw")


async def test_any_status_is_an_answer(peer) -> None:
    async def busy(wire) -> None:
        await wire.request()
        await wire.answer(b"try later", status="503 Busy")

    async with peer(busy) as there, HttpClient() as http:
        http.allow(there.url)
        answer = await http.request("GET", there.url)
        assert (answer.status, answer.body) == (503, b"try later")
        with pytest.raises(Overloaded):
            answer.json()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (rb'{"text": "cut \ud83d"}', {"text": "cut \ufffd"}),
        (b'{"text": "cut \xe5\xa5"}', {"text": "cut \ufffd"}),
        (b'{"x": 1e999, "y": 1}', {"x": None, "y": 1}),
    ],
)
async def test_an_answer_with_odd_json_is_read(peer, body, expected) -> None:
    async def odd(wire) -> None:
        await wire.request()
        await wire.answer(body)

    async with peer(odd) as there, HttpClient() as http:
        http.allow(there.url)
        assert (await http.request("GET", there.url)).json() == expected


async def test_json_without_measure_is_not_decoded(peer) -> None:
    async def much(wire) -> None:
        await wire.request()
        await wire.answer(b'"' + b"x" * (8 << 20) + b'"')

    async with peer(much) as there, HttpClient() as http:
        http.allow(there.url)
        answer = await http.request("GET", there.url)
        with pytest.raises(Overloaded, match="8388610 bytes"):
            answer.json()


async def test_calls_share_a_kept_alive_connection(peer) -> None:
    async with peer(answer_all) as there, HttpClient() as http:
        http.allow(there.url)
        for _ in range(3):
            await http.request("GET", there.url)
        async with http.stream("GET", there.url) as answer:
            assert [line async for line in answer.lines()] == [b'{"ok": true}']
        await http.request("GET", there.url)
    assert (len(there.requests), there.connections) == (5, 1)


async def test_cookies_are_not_kept(peer) -> None:
    async def with_cookie(wire) -> None:
        while await wire.request():
            await wire.answer(extra=b"Set-Cookie: who=me\r\n")

    async with peer(with_cookie) as there, HttpClient() as http:
        http.allow(there.url)
        await http.request("GET", there.url)
        await http.request("GET", there.url)
    assert b"who=me" not in there.requests[1]


@pytest.mark.parametrize("announced", [True, False])
async def test_an_answer_over_the_limit_is_refused(peer, announced: bool) -> None:
    async def long(wire) -> None:
        await wire.request()
        if announced:
            await wire.answer(b"x" * 2000)
        else:
            await wire.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * 2000)

    calls: list[HttpCall] = []
    async with peer(long) as there, HttpClient(max_body=1000, on_call=calls.append) as http:
        http.allow(there.url)
        with pytest.raises(Rejected) as caught:
            await http.request("GET", there.url)
    assert caught.value.code == calls[0].error == "too_large"


async def test_redirects_are_answers_unless_asked_for(peer) -> None:
    async def elsewhere(wire) -> None:
        while request := await wire.request():
            if request.startswith(b"GET /old"):
                await wire.answer(status="302 Found", extra=b"Location: /new\r\n")
            else:
                await wire.answer(b"here")

    async with peer(elsewhere) as there, HttpClient() as http:
        http.allow(there.url)
        assert (await http.request("GET", there.url + "/old")).status == 302
        assert (await http.request("GET", there.url + "/old", redirects=1)).body == b"here"


async def test_too_many_redirects_are_refused(peer) -> None:
    async def round_and_round(wire) -> None:
        while await wire.request():
            await wire.answer(status="302 Found", extra=b"Location: /again\r\n")

    async with peer(round_and_round) as there, HttpClient() as http:
        http.allow(there.url)
        with pytest.raises(Rejected) as caught:
            await http.request("GET", there.url, redirects=2)
    assert caught.value.code == "redirects"
    assert len(there.requests) == 3


async def test_a_redirect_to_a_private_address_is_refused(peer) -> None:
    async with peer(answer_all) as secret:

        async def trap(wire) -> None:
            while await wire.request():
                await wire.answer(status="302 Found", extra=f"Location: {secret.url}/\r\n".encode())

        async with peer(trap) as there, HttpClient() as http:
            http.allow(there.url)
            with pytest.raises(Forbidden):
                await http.request("GET", there.url, redirects=3)
    assert secret.requests == []


async def test_every_call_is_told_without_its_query(peer) -> None:
    calls: list[HttpCall] = []
    async with peer(answer_all) as there, HttpClient(on_call=calls.append) as http:
        http.allow(there.url)
        await http.request("POST", there.url + "/send?access_token=sekrit", json={})
        async with http.stream("POST", there.url + "/stream?access_token=sekrit", json={}) as answer:
            await answer.read()
    with pytest.raises(NetworkFailed):
        await http.request("GET", there.url + "/late")
    sent, streamed = calls
    assert (sent.method, sent.target, sent.status, sent.size) == ("POST", there.url + "/send", 200, 12)
    assert (streamed.target, streamed.status, streamed.size) == (there.url + "/stream", 200, 12)
    assert "sekrit" not in repr(calls)


async def test_cancelling_a_call_closes_its_connection(peer) -> None:
    asked, hung_up = anyio.Event(), anyio.Event()

    async def silent(wire) -> None:
        await wire.request()
        asked.set()
        await wire.closed()
        hung_up.set()

    async with peer(silent) as there, HttpClient() as http:
        http.allow(there.url)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(http.request, "GET", there.url)
            await asked.wait()
            tasks.cancel_scope.cancel()
        with anyio.fail_after(PATIENCE):
            await hung_up.wait()


async def test_a_closed_client_sends_nothing(peer) -> None:
    async with peer(answer_all) as there:
        http = HttpClient()
        await http.aclose()
        with pytest.raises(NetworkFailed) as caught:
            await http.request("GET", there.url)
    assert not caught.value.sent


async def test_connections_of_a_burst_get_idle_though_calls_go_on(peer) -> None:
    async with peer(answer_all) as there, HttpClient() as http:
        http.allow(there.url)
        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(http.request, "GET", there.url)
        assert http._session is not None
        (idle,) = http._session.connector._conns.values()
        burst = [protocol for protocol, _ in idle]
        assert len(burst) > 1
        for _ in range(3):
            await http.request("GET", there.url)
            assert next(iter(idle))[0] is burst[0], "the same one serves all"
