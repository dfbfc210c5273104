"""The public listener on real TCP sockets: friends, strangers and enemies."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx
import pytest
import structlog
from fake_runtime import EchoHook, FakeRuntime

from mindbot.domain.errors import ConfigError, Conflict
from mindbot.runtime.strays import Strays
from mindbot.testing.waiting import PATIENCE
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
        with anyio.fail_after(PATIENCE):
            yield listener
        await listener.close()


def a_hook(platform: str, bot: str) -> EchoHook:
    hook = EchoHook(bot)
    hook.name = platform
    return hook


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


@pytest.mark.parametrize(
    "path",
    [
        f"{PATH}/",
        f"/{PATH}",
        "/wecom//default/callback//",
        f"/prefix/of/a/proxy{PATH}",
        "/callback/command/",
        "/a/callback/command",
    ],
)
async def test_slashes_and_what_a_proxy_leaves_in_front_make_no_bot_deaf(path: str) -> None:
    hook = EchoHook()
    async with public(hook) as listener:
        post = b"POST %s?a=b HTTP/1.1\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok" % path.encode()
        assert (await exchange(listener, hook, post)).startswith(b"HTTP/1.1 200")
    assert hook.seen[0].body == b"ok"


async def test_what_is_nobodys_is_counted_told_once_and_named_to_its_bot() -> None:
    hook, strays = EchoHook(), Strays()
    address = hook.host, hook.port
    async with anyio.create_task_group() as group:
        listener = PublicListener(group, FakeRuntime().receive, strays=strays)
        await listener.bind([hook])
        assert strays.check(address, PATH) == [] and strays.details(address, PATH) == {}
        with structlog.testing.capture_logs() as lines:
            async with client(listener, hook) as http:
                for _ in range(3):
                    assert (await http.post("/wecom/callback%1b%5d0;x", content=b"x")).status_code == 404
                assert (await http.get("/.env")).status_code == 404
                [check] = strays.check(address, PATH)
                assert (check.name, check.state) == ("callback path", "failed")
                assert "3 requests" in check.detail and "1 to other paths" in check.detail
                assert f"/wecom/callback%1B%5D0;x instead of {PATH}" in check.detail and PATH in check.mend
                await http.post(f"/x{PATH}", content=b"x")
                assert strays.check(address, PATH)[0].state == "skipped"  # the bot is reached by now
        await listener.close()
    assert strays.details(address, PATH)["stray_requests"] == 4
    assert strays.details(address, PATH)["last_stray_path"] == "/.env"
    assert [line["event"] for line in lines].count("callback.stray") == 1
    assert strays.details(address, PATH)["called_at"] == f"/x{PATH}"
    [told] = [line for line in lines if line["event"] == "callback.other_path"]
    assert (told["path"], told["taken_for"]) == (f"/x{PATH}", PATH)


async def test_a_flood_of_paths_costs_no_memory() -> None:
    strays = Strays()
    for n in range(1000):
        strays.note(("h", 1), f"/{n}/" + "x" * 1000)
    assert strays.details(("h", 1), PATH)["stray_requests"] == 1000
    assert len(strays.details(("h", 1), PATH)["last_stray_path"]) < 200
    assert len(strays._ports["h", 1].paths) <= 50


async def test_bots_of_several_platforms_share_a_port() -> None:
    hooks = [
        a_hook(platform, bot)
        for platform, bot in (
            ("wecom", "default"),
            ("wecom", "hr"),
            ("wecomcs", "default"),
            ("wecombot", "hr"),
        )
    ]
    async with public(*hooks) as listener, client(listener, hooks[0]) as http:
        assert len(listener.bound) == 1
        for n, hook in enumerate(hooks):
            path = f"/{hook.name}/{hook.bot}/callback"
            assert (await http.post(path, content=f"to {n}")).text == f"TO {n}"
        for stranger in (
            "/",
            "/wecomcs/hr/callback",
            "/wecom/hr/callback/more",
            "/callback/command",
            "/wecom//callback",
        ):
            assert (await http.post(stranger, content=b"x")).status_code == 404
    assert [[request.body for request in hook.seen] for hook in hooks] == [[b"to %d" % n] for n in range(4)]


async def test_a_bot_that_hangs_or_crashes_holds_up_no_other_of_its_port(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webhooks, "CALLBACK_TIMEOUT", 0.2)
    bad, good = a_hook("wecom", "bad"), a_hook("wecomcs", "good")
    async with (
        public(bad, good) as listener,
        client(listener, bad) as http,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(lambda: http.post("/wecom/bad/callback", content=b"hang"))
        assert (await http.post("/wecom/bad/callback", content=b"crash")).status_code == 503
        assert (await http.post("/wecomcs/good/callback", content=b"fine")).text == "FINE"


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "DELETE", "TRACE", "PROPFIND"])
async def test_other_methods_get_an_answer_and_the_connection_goes_on(method: str) -> None:
    hook = EchoHook()
    async with public(hook) as listener:
        odd = f"{method} {PATH} HTTP/1.1\r\nhost: x\r\n\r\n".encode()
        unknown = f"{method} /nowhere HTTP/1.1\r\nhost: x\r\n\r\n".encode()
        good = f"POST {PATH} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 1\r\n\r\na".encode()
        answer = await exchange(listener, hook, odd, good)
        assert answer.startswith(b"HTTP/1.1 405")
        assert answer.count(b"HTTP/1.1 200 OK") == 1
        assert (b"POST only" in answer) == (method != "HEAD")
        assert (await exchange(listener, hook, unknown)).startswith(b"HTTP/1.1 404")


async def test_two_hosts_of_one_port_work_where_the_machine_allows_it() -> None:
    one = EchoHook()
    async with public(one) as first:
        other = EchoHook("other", first.bound[one.host, 0][1])
        other.host = "127.0.0.2"
        async with public(other) as second, client(first, one) as http, client(second, other) as elsewhere:
            assert (await http.post(PATH, content=b"one")).text == "ONE"
            assert (await elsewhere.post("/wecom/other/callback", content=b"two")).text == "TWO"
            assert (await elsewhere.post(PATH, content=b"one")).status_code == 404


async def test_two_hosts_of_one_port_that_exclude_each_other_are_an_error_with_the_mend() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    one, all_hosts = EchoHook("one", port), EchoHook("all", port)
    all_hosts.host = "0.0.0.0"
    async with public(one) as listener, client(listener, one) as http:
        for hooks in ([one, all_hosts], [all_hosts]):
            with pytest.raises(Conflict, match="give all bots of a port one `host`"):
                await listener.bind(hooks)
        assert (await http.post("/wecom/one/callback", content=b"x")).text == "X"


async def test_a_reload_keeps_open_connections_and_calls() -> None:
    one = EchoHook("one")
    async with public(one) as listener, await anyio.connect_tcp(*listener.bound[one.host, 0]) as stream:

        async def call(path: str, body: bytes) -> bytes:
            await stream.send(
                b"POST %s HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\n" % path.encode() + body
            )
            answer = b""
            while b"\r\n\r\n" not in answer or not answer.split(b"\r\n\r\n")[1]:
                answer += await stream.receive()
            return answer

        assert (await call("/wecom/one/callback", b"a")).endswith(b"A")
        await listener.bind([one, a_hook("wecomcs", "two")])  # one more
        assert (await call("/wecomcs/two/callback", b"b")).endswith(b"B")
        await listener.bind([a_hook("wecomcs", "two")])  # one fewer
        assert (await call("/wecomcs/two/callback", b"c")).endswith(b"C")
        assert (await call("/wecom/one/callback", b"d")).startswith(b"HTTP/1.1 404")


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


@pytest.mark.parametrize(
    "extra", [b"x: y\r\n" * 8000, b"x-more: " + b"y" * 40_000 + b"\r\n"], ids=["many lines", "a long line"]
)
async def test_a_head_that_is_too_large_is_refused_also_when_it_comes_in_one_piece(extra: bytes) -> None:
    hook = EchoHook()
    async with public(hook) as listener:
        answer = await exchange(listener, hook, b"GET %s HTTP/1.1\r\n%s\r\n" % (PATH.encode(), extra))
    assert answer.startswith(b"HTTP/1.1 400") and answer.endswith(b"The request head is too large.")
    assert hook.seen == []


@pytest.mark.parametrize("line", [b"x-more: ", b"", b"1;more="], ids=["a value", "a name", "a chunk's size"])
async def test_a_line_without_end_behind_a_body_is_refused(line: bytes) -> None:
    hook = EchoHook()
    head = b"POST %s HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n" % PATH.encode()
    start = head + (b"0\r\n" if b"=" not in line else b"") + line
    async with public(hook) as listener:
        answer = await exchange(listener, hook, start, *[b"y" * 9000] * 5)
    assert answer.startswith(b"HTTP/1.1 400") and hook.seen == []


async def test_headers_behind_a_body_are_taken_within_the_size_of_a_head() -> None:
    hook = EchoHook()
    post = b"POST %s HTTP/1.1\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n" % PATH.encode()
    body = b"2\r\nok\r\n0\r\n"
    async with public(hook) as listener:
        assert b"HTTP/1.1 200" in await exchange(listener, hook, post + body, b"x-more: y\r\n\r\n")
        many = b"x-more: yes\r\n" * 4000
        assert (await exchange(listener, hook, post + body + many, b"\r\n")).startswith(b"HTTP/1.1 400")


async def test_a_large_body_before_a_head_does_not_count_as_one() -> None:
    hook = EchoHook(max_body=100_000)
    post = b"POST %s HTTP/1.1\r\ncontent-length: 60000\r\n\r\n%s" % (PATH.encode(), b"x" * 60_000)
    last = b"POST %s HTTP/1.1\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok" % PATH.encode()
    async with public(hook) as listener:
        answer = await exchange(listener, hook, post + last[:20], last[20:])
    assert answer.count(b"HTTP/1.1 200") == 2


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
    with anyio.fail_after(PATIENCE):
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


async def test_a_host_that_is_not_this_machine_s_yet_is_no_error_of_the_configuration() -> None:
    hook = EchoHook()
    hook.host = "192.0.2.1"  # nobody's (RFC 5737)
    async with public() as listener:
        with pytest.raises(Conflict, match="cannot listen on 192"):
            await listener.bind([hook])


@pytest.mark.parametrize("code", [socket.EAI_AGAIN, socket.EAI_NONAME, socket.EAI_FAIL, socket.EAI_NODATA])
async def test_a_host_whose_name_is_not_there_yet_is_tried_again_and_found_later(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon that starts before the network is up must not end for good."""
    hook, known, look_up = EchoHook(), False, socket.getaddrinfo
    hook.host = "bots.test"

    def names(host: Any, *more: Any, **rest: Any) -> Any:
        if host != "bots.test":
            return look_up(host, *more, **rest)
        if not known:
            raise socket.gaierror(code, "not known just now")
        return look_up("127.0.0.1", *more, **rest)

    monkeypatch.setattr(socket, "getaddrinfo", names)
    async with public() as listener:
        with pytest.raises(Conflict, match=r"cannot listen on bots\.test") as refused:
            await listener.bind([hook])
        assert "getent ahosts bots.test" in refused.value.hint
        known = True
        await listener.bind([hook])


async def test_a_host_that_can_be_no_name_is_an_error_of_the_configuration() -> None:
    hook = EchoHook()
    hook.host = "a" * 70 + ".test"
    async with public() as listener:
        with pytest.raises(ConfigError, match="that is no name"):
            await listener.bind([hook])


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
