"""The stream over the socket: good clients, slow ones, hostile ones, and a daemon that is started again."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from daemon_here import running
from fake_runtime import FakeRuntime
from websockets.asyncio.client import unix_connect
from websockets.exceptions import ConnectionClosed

from mindbot.api import stream
from mindbot.api.stream import Batch, Connected, Disconnected, Gap, Reset
from mindbot.domain.errors import BadFilter, Forbidden, Invalid, Unreachable
from mindbot.domain.events import Event
from mindbot.testing.waiting import PATIENCE
from mindbot_daemon.server.roles import Roles
from mindbot_daemon.server.routes import events as route

if TYPE_CHECKING:
    from daemon_here import Running

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def watching(path: Path, **wanted: Any) -> AsyncIterator[Any]:
    """Updates as they come; the stream is connected."""
    async with aclosing(stream.events(path, **wanted)) as updates:
        with anyio.fail_after(PATIENCE):
            assert await anext(updates) == Connected(False)
            yield updates


def say(runtime: FakeRuntime, *texts: str, kind: str = "turn.answered", **data: Any) -> None:
    for text in texts:
        runtime.bus.publish(Event(kind, "T", {"text": text, **data}))


async def until(updates: Any, text: str) -> list[str]:
    """Read until an event with this text; returns all texts."""
    found: list[str] = []
    while text not in found:
        update = await anext(updates)
        if isinstance(update, Batch):
            found += [event["text"] for event in update.events]
    return found


async def upgrade(up: Running, query: str) -> httpx.Response:
    headers = {
        "connection": "upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    transport = httpx.AsyncHTTPTransport(uds=str(up.socket))
    async with httpx.AsyncClient(transport=transport, base_url="http://mindbot") as http:
        return await http.get(f"/v1/events?{query}", headers=headers)


async def test_events_arrive_in_order(up: Running) -> None:
    async with watching(up.socket, topics=["turn"]) as updates:
        say(up.runtime, *map(str, range(100)))
        assert await until(updates, "99") == list(map(str, range(100)))


async def test_a_filter_chooses_on_the_daemons_side(up: Running) -> None:
    async with watching(up.socket, filter='text =~ "^b" and took > 1ms') as updates:
        say(up.runtime, "a", "b", took=0.5)
        say(up.runtime, "bb", took=0.0001)
        say(up.runtime, "bbb", took=2.0)
        assert await until(updates, "bbb") == ["b", "bbb"]


async def test_a_filter_that_does_not_parse_is_an_answer_of_http_with_its_column(up: Running) -> None:
    with pytest.raises(BadFilter) as caught:
        await anext(stream.events(up.socket, filter="took > 5s and plattform == wecom"))
    assert caught.value.column == 15 and "platform" in caught.value.fields
    answer = await upgrade(up, "filter=took%20%3E")
    assert answer.status_code == 400
    assert answer.json()["kind"] == "filter" and answer.json()["column"] == 7


async def test_a_refused_stream_is_no_mistake_of_the_daemon(
    up: Running, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="uvicorn.error"):
        assert (await upgrade(up, "filter=platfrm%20%3D%3D%201")).status_code == 400
        assert (await upgrade(up, "topics=turn,nothing")).status_code == 400
    assert len(caplog.records) >= 2
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


async def test_turns_say_the_same_of_such_a_filter(up: Running) -> None:
    with pytest.raises(Invalid, match="no topic 'turns'"):
        await anext(stream.events(up.socket, topics=["turns"]))
    assert (await upgrade(up, "since=yesterday")).status_code == 400


async def test_the_longest_filter_is_read_in_every_language(up: Running) -> None:
    begin, end = 'text == "', '" or text == "b"'
    longest = begin + "界" * (4000 - len(begin + end)) + end
    async with watching(up.socket, filter=longest) as updates:
        say(up.runtime, "a", "b")
        assert await until(updates, "b") == ["b"]


@pytest.mark.parametrize(
    "extra", [b"x: y\r\n" * 200, b"x: " + b"y" * 70_000 + b"\r\n"], ids=["many lines", "a long line"]
)
async def test_a_handshake_that_cannot_be_read_is_answered_and_ends(up: Running, extra: bytes) -> None:
    """And a daemon that is told to stop right then still stops: `up` sees to that."""
    head = b"GET /v1/events HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    keys = b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    answer = b""
    async with await anyio.connect_unix(up.socket) as connection:
        await connection.send(head + extra + keys)
        try:
            while True:
                answer += await connection.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            pass
    assert answer.startswith(b"HTTP/1.1 400 Bad Request")


async def test_strangers_are_refused(up: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Roles, "of", lambda self, peer: None)
    with pytest.raises(Forbidden, match="viewer"):
        await anext(stream.events(up.socket))
    assert (await upgrade(up, "")).status_code == 403


async def test_a_daemon_that_starts_says_so(up: Running) -> None:
    up.daemon._runtime = None
    with pytest.raises(Unreachable):
        await anext(stream.events(up.socket))
    assert (await upgrade(up, "")).status_code == 503


async def test_no_daemon_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="mindbot daemon run"):
        await anext(stream.events(tmp_path / "absent.sock"))


async def test_a_patient_client_waits_for_the_daemon(tmp_path: Path) -> None:
    async with anyio.create_task_group() as tasks:
        found = anyio.Event()

        async def wait() -> None:
            async with aclosing(stream.events(tmp_path / "run" / "mindbot.sock", patient=True)) as updates:
                assert await anext(updates) == Connected(False)
                found.set()

        tasks.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        async with running(tmp_path):
            with anyio.fail_after(PATIENCE):
                await found.wait()


async def test_a_restarted_daemon_is_found_again_and_the_break_is_told(tmp_path: Path) -> None:
    async with aclosing(stream.events(tmp_path / "run" / "mindbot.sock", topics=["turn"])) as updates:
        async with running(tmp_path) as up:
            assert await anext(updates) == Connected(False)
            say(up.runtime, "before")
            await until(updates, "before")
        assert isinstance(await anext(updates), Disconnected)
        async with running(tmp_path) as up:
            with anyio.fail_after(PATIENCE):
                assert await anext(updates) == Connected(True)
                assert isinstance(await anext(updates), Reset)
                say(up.runtime, "after")
                assert await until(updates, "after") == ["after"]


async def test_even_a_client_that_saw_no_event_is_told_of_a_restart(tmp_path: Path) -> None:
    seen: list[str] = []
    async with anyio.create_task_group() as tasks:

        async def watch() -> None:
            path = tmp_path / "run" / "mindbot.sock"
            async with aclosing(stream.events(path, topics=["turn"], patient=True)) as updates:
                async for update in updates:
                    seen.append(type(update).__name__)  # noqa: PERF401 - it never ends

        async with running(tmp_path) as up:
            tasks.start_soon(watch)
            await attached(up, 1)
        with anyio.fail_after(PATIENCE):
            async with running(tmp_path):
                while "Reset" not in seen:
                    await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()
    assert seen[:4] == ["Connected", "Disconnected", "Connected", "Reset"]


async def test_a_broken_connection_goes_on_where_it_broke(up: Running) -> None:
    async with watching(up.socket, topics=["turn"]) as updates:
        say(up.runtime, "a")
        await until(updates, "a")
        for connection in list(up.daemon._api.server_state.connections):  # type: ignore[union-attr]
            connection.transport.abort()  # type: ignore[union-attr]
        say(up.runtime, "b", "c")
        seen = []
        while "c" not in seen:
            update = await anext(updates)
            assert not isinstance(update, Gap | Reset)
            seen += (
                [e["text"] for e in update.events] if isinstance(update, Batch) else [type(update).__name__]
            )
    assert seen == ["Disconnected", "Connected", "b", "c"]


async def test_a_client_that_talks_is_let_go(up: Running) -> None:
    async with unix_connect(str(up.socket), "ws://mindbot/v1/events") as connection:
        await connection.send("hello?")
        with pytest.raises(ConnectionClosed) as caught:
            while True:
                await connection.recv()
    assert caught.value.rcvd is not None and caught.value.rcvd.code == 1003


@pytest.mark.parametrize("garbage", [b"\xff" * 100, b"\x81\xff\x00\x00\x00\x01\x00\x00\x00\x00", b"\x8f\x00"])
async def test_garbage_after_the_upgrade_ends_that_connection_only(up: Running, garbage: bytes) -> None:
    with deaf(up, "topics=turn") as client:
        client.setblocking(False)
        with anyio.fail_after(PATIENCE):
            await anyio.wait_readable(client)  # upgraded
            client.sendall(garbage)
            while client.recv(65536):
                await anyio.wait_readable(client)
    assert (await upgrade(up, "topics=nonsense")).status_code == 400


async def test_an_upgraded_connection_outlives_the_deadline_of_its_request(
    up: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mindbot_daemon.server.protocol import PeerProtocol

    monkeypatch.setattr(PeerProtocol, "patience", 0.05)
    async with watching(up.socket, topics=["turn"]) as updates:
        await anyio.sleep(0.15)
        say(up.runtime, "still here")
        assert await until(updates, "still here") == ["still here"]


def deaf(up: Running, query: str) -> socket.socket:
    """A client that upgrades and then reads nothing."""
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(up.socket))
    client.sendall(
        f"GET /v1/events?{query} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
        "sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
    )
    return client


async def attached(up: Running, count: int) -> None:
    """Wait until so many clients are attached."""
    with anyio.fail_after(PATIENCE):
        while (api := up.daemon._api) is None or api.config.app.state.hub.clients != count:
            await anyio.sleep(0.01)


async def test_a_client_that_never_reads_is_cut_and_disturbs_nobody(
    up: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(route, "STALL", 0.3)
    with deaf(up, "topics=turn"):
        await attached(up, 1)
        async with watching(up.socket, topics=["turn"], filter='text == "last"') as updates:
            await attached(up, 2)
            for _ in range(20):
                say(up.runtime, *("x" * 1000,) * 500)
                await anyio.sleep(0.01)
            await attached(up, 1)  # the deaf one is gone
            say(up.runtime, "last")
            assert await until(updates, "last") == ["last"]


async def test_a_client_that_leaves_alerts_unread_is_disconnected(up: Running) -> None:
    with deaf(up, "topics=alert,turn"):
        await attached(up, 1)
        for _ in range(40):  # fill what the kernel and the transport take
            say(up.runtime, *("x" * 10_000,) * 50)
            await anyio.sleep(0.001)
        say(up.runtime, *("fire",) * 1500, kind="alert.firing")
        await attached(up, 0)


async def test_a_slow_reader_is_told_what_it_missed(up: Running) -> None:
    async with watching(up.socket, topics=["turn"]) as updates:
        say(up.runtime, *("x" * 1500,) * 12_000, "end")
        gaps, got = 0, 0
        while True:
            update = await anext(updates)
            if isinstance(update, Gap):
                gaps += update.count
            elif isinstance(update, Batch):
                got += len(update.events)
                if update.events[-1]["text"] == "end":
                    break
    assert gaps > 0 and gaps + got == 12_001
