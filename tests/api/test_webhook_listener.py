"""The public listener on real TCP sockets: friends, strangers and enemies."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import httpx
import pytest
from fake_runtime import EchoHook, FakeRuntime

from mindbot.domain.errors import Conflict
from mindbot_daemon import webhooks
from mindbot_daemon.serving import GuardedProtocol
from mindbot_daemon.webhooks import PublicListener

pytestmark = pytest.mark.anyio

PATH = "/wecom/default/callback"


@asynccontextmanager
async def public(
    *hooks: EchoHook, inherited: tuple[socket.socket, ...] = ()
) -> AsyncIterator[PublicListener]:
    async with anyio.create_task_group() as group:
        listener = PublicListener(group, FakeRuntime().receive, inherited)
        await listener.bind(hooks)
        with anyio.fail_after(20):
            yield listener
        await listener.close()


def client(listener: PublicListener, hook: EchoHook) -> httpx.AsyncClient:
    host, port = listener.bound[hook.host, hook.port]
    return httpx.AsyncClient(base_url=f"http://{host}:{port}", verify=False)


async def exchange(listener: PublicListener, hook: EchoHook, *pieces: bytes) -> bytes:
    """Send bytes as they are and return everything that comes back until the end."""
    answer = b""
    async with await anyio.connect_tcp(*listener.bound[hook.host, hook.port]) as stream:
        for piece in pieces:
            await stream.send(piece)
        try:
            while True:
                answer += await stream.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            return answer


async def test_a_callback_reaches_its_bot_with_everything_it_came_with() -> None:
    hook = EchoHook()
    async with public(hook) as listener, client(listener, hook) as http:
        answer = await http.post(f"{PATH}?echostr=a%2Bb%3D&empty=", content="你好", headers={"X-Thing": "y"})
    assert (answer.status_code, answer.text) == (200, "你好")
    assert "server" not in answer.headers
    [seen] = hook.seen
    assert (seen.method, seen.path, dict(seen.query)) == ("POST", PATH, {"echostr": "a+b=", "empty": ""})
    assert seen.headers["x-thing"] == "y"


async def test_methods_are_the_webhooks_business() -> None:
    hook = EchoHook()
    async with public(hook) as listener, client(listener, hook) as http:
        assert (await http.get(PATH)).text == "POST only"


async def test_the_ancestors_path_works_only_for_a_bot_alone_on_its_port() -> None:
    hook = EchoHook()
    async with public(hook) as listener, client(listener, hook) as http:
        assert (await http.post("/callback/command", content=b"x")).status_code == 200
        await listener.bind([hook, EchoHook("second")])
        assert (await http.post("/callback/command", content=b"x")).status_code == 404
        assert (await http.post("/wecom/second/callback", content=b"x")).status_code == 200
        assert (await http.post("/wecom/third/callback", content=b"x")).status_code == 404


@pytest.mark.parametrize("body", [b"crash", b"full"])
async def test_our_own_failure_is_a_503_so_that_the_platform_tries_again(body: bytes) -> None:
    hook = EchoHook()
    async with public(hook) as listener, client(listener, hook) as http:
        assert (await http.post(PATH, content=body)).status_code == 503
        assert (await http.post(PATH, content=b"fine")).text == "FINE"


async def test_a_callback_that_hangs_is_a_503(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "CALLBACK_TIMEOUT", 0.05)
    hook = EchoHook()
    async with public(hook) as listener, client(listener, hook) as http:
        assert (await http.post(PATH, content=b"hang")).status_code == 503


async def test_a_body_that_will_be_too_large_is_refused_before_it_arrives() -> None:
    hook = EchoHook(max_body=1000)
    async with public(hook) as listener:
        head = f"POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: 1001\r\n\r\n".encode()
        assert (await exchange(listener, hook, head)).startswith(b"HTTP/1.1 413")
    assert hook.seen == []


async def test_a_body_that_grows_too_large_is_refused_while_it_arrives() -> None:
    hook = EchoHook(max_body=1000)
    async with public(hook) as listener:
        head = f"POST {PATH} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n".encode()
        chunk = b"1f4\r\n" + b"x" * 500 + b"\r\n"
        assert (await exchange(listener, hook, head, chunk, chunk, chunk)).startswith(b"HTTP/1.1 413")
    assert hook.seen == []


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # a TLS hello
        b"GET / HTTP/1.1\r\nhost x\r\n\r\n",
        b"POST " + PATH.encode() + b" HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"\x00" * 100,
    ],
)
async def test_garbage_is_refused_and_the_next_caller_served(garbage: bytes) -> None:
    hook = EchoHook()
    async with public(hook) as listener, client(listener, hook) as http:
        assert (await exchange(listener, hook, garbage)).startswith(b"HTTP/1.1 400")
        assert (await http.post(PATH, content=b"fine")).text == "FINE"


async def test_a_head_without_end_is_refused() -> None:
    hook = EchoHook()
    async with public(hook) as listener:
        head = b"POST / HTTP/1.1\r\n" + b"x-more: yes\r\n" * 8000
        answer = await exchange(listener, hook, *(head[i : i + 4096] for i in range(0, 40_960, 4096)))
    assert answer.startswith(b"HTTP/1.1 400")


async def test_a_query_of_a_thousand_fields_or_of_no_known_letters_is_refused() -> None:
    hook = EchoHook()
    async with public(hook) as listener, client(listener, hook) as http:
        assert (await http.post(f"{PATH}?{'a=1&' * 1000}", content=b"")).status_code == 400
        strange = b"POST " + PATH.encode() + b"?a=\xff\xfe HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
        assert (await exchange(listener, hook, strange)).startswith(b"HTTP/1.1 400")
    assert hook.seen == []


@pytest.mark.parametrize(
    "start", [b"", b"POST ", f"POST {PATH} HTTP/1.1\r\ncontent-length: 5\r\n\r\nab".encode()]
)
async def test_a_client_that_does_not_go_on_is_cut_off(start: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GuardedProtocol, "patience", 0.05)
    hook = EchoHook()
    async with public(hook) as listener:
        assert await exchange(listener, hook, *([start] if start else [])) == b""
    assert hook.seen == []


async def test_a_connection_is_kept_for_the_next_callback(monkeypatch: pytest.MonkeyPatch) -> None:
    hook = EchoHook()
    async with public(hook) as listener:
        one = f"POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\na".encode()
        last = one.replace(b"host", b"connection: close\r\nhost")
        assert (await exchange(listener, hook, one, one + one, last)).count(b"200 OK") == 4


async def test_a_reload_keeps_ports_that_stay_opens_new_ones_and_closes_old_ones() -> None:
    kept, gone = EchoHook(), EchoHook("other")
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        gone.port = reserved.getsockname()[1]
    async with public(kept, gone) as listener:
        before = dict(listener.bound)
        async with client(listener, kept) as http:
            await http.post(PATH, content=b"x")
            again = EchoHook()
            await listener.bind([again])
            await http.post(PATH, content=b"y")
            assert [r.body for r in kept.seen] == [b"x"] and [r.body for r in again.seen] == [b"y"]
        assert listener.bound == {(kept.host, 0): before[kept.host, 0]}
        await _closed(before[gone.host, gone.port])


async def _closed(address: tuple[str, int]) -> None:
    with anyio.fail_after(5):
        while True:
            try:
                await (await anyio.connect_tcp(*address)).aclose()
            except OSError:
                return
            await anyio.sleep(0.01)


async def test_a_port_that_cannot_be_bound_changes_nothing() -> None:
    hook = EchoHook()
    async with public(hook) as listener, client(listener, hook) as http:
        with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(Conflict, match="in use"):
            await listener.bind([EchoHook(), EchoHook("other", taken.getsockname()[1])])
        await http.post(PATH, content=b"still the old one")
    assert len(hook.seen) == 1


async def test_open_callbacks_are_answered_before_the_listener_closes() -> None:
    class Slow(EchoHook):
        started = anyio.Event()
        go_on = anyio.Event()

        async def callback(self, request, receive):  # type: ignore[no-untyped-def]
            self.started.set()
            await self.go_on.wait()
            return await super().callback(request, receive)

    hook = Slow()
    answers: list[str] = []
    async with public(hook) as listener, anyio.create_task_group() as group:

        async def call() -> None:
            async with client(listener, hook) as http:
                answers.append((await http.post(PATH, content=b"late")).text)

        group.start_soon(call)
        await hook.started.wait()
        address = listener.bound[hook.host, hook.port]
        group.start_soon(listener.close)
        await _closed(address)
        hook.go_on.set()
    assert answers == ["LATE"]


async def test_a_socket_that_systemd_bound_is_used() -> None:
    given = socket.create_server(("127.0.0.1", 0))
    given.setblocking(False)
    hook = EchoHook(port=given.getsockname()[1])
    async with public(hook, inherited=(given,)) as listener, client(listener, hook) as http:
        assert listener.bound[hook.host, hook.port] == given.getsockname()
        assert (await http.post(PATH, content=b"x")).text == "X"
