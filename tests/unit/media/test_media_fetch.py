"""Downloads of addresses that strangers name: redirects, private places, slow and endless answers."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from aiohttp import web

from mindbot.domain.errors import (
    Forbidden,
    Invalid,
    MindBotError,
    NetworkFailed,
    Overloaded,
    Rejected,
    StoreFull,
)
from mindbot.http.client import HttpClient
from mindbot.media.folder import FolderMedia
from mindbot.media.spool import MediaLimits, bytes_of
from mindbot.testing.media import file_server

pytestmark = pytest.mark.anyio


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    async with HttpClient() as client:
        yield client


@pytest.fixture
def store(http: HttpClient, tmp_path: Path) -> FolderMedia:
    return FolderMedia(tmp_path, http, MediaLimits(size=100_000))


def redirecting(to: Callable[[web.BaseRequest], str], seen: list[web.BaseRequest], status: int = 302) -> Any:
    def answer(request: web.BaseRequest) -> web.Response:
        seen.append(request)
        return web.Response(status=status, headers={"location": to(request)})

    return answer


def a_picture(seen: list[web.BaseRequest]) -> Any:
    def answer(request: web.BaseRequest) -> web.Response:
        seen.append(request)
        return web.Response(body=b"\x89PNG\r\n\x1a\n", content_type="image/png")

    return answer


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_followed_without_the_headers_of_the_first_host(
    http: HttpClient, store: FolderMedia, status: int
) -> None:
    seen: list[web.BaseRequest] = []
    async with (
        file_server(a_picture(seen), http) as there,
        file_server(redirecting(lambda _: f"{there}/picture", seen, status), http) as here,
    ):
        file = await store.fetch(here, headers={"Authorization": "Bearer sekrit"}, params={"token": "t"})
    assert (file.type, file.size) == ("image/png", 8)
    assert [request.headers.get("Authorization") for request in seen] == ["Bearer sekrit", None]
    assert [dict(request.query) for request in seen] == [{"token": "t"}, {}]


async def test_a_redirect_on_the_same_host_keeps_the_headers(http: HttpClient, store: FolderMedia) -> None:
    seen: list[web.BaseRequest] = []

    def answer(request: web.BaseRequest) -> web.Response:
        if request.path == "/new":
            return a_picture(seen)(request)
        return redirecting(lambda _: "/new", seen)(request)

    async with file_server(answer, http) as here:
        await store.fetch(f"{here}/old", headers={"x-key": "k"})
    assert [(request.path, request.headers["x-key"]) for request in seen] == [("/old", "k"), ("/new", "k")]


async def test_a_redirect_to_a_private_address_is_refused_before_anything_is_sent(
    http: HttpClient, store: FolderMedia
) -> None:
    secret: list[web.BaseRequest] = []
    runner = web.ServerRunner(web.Server(a_picture(secret)))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    targets = [
        f"http://127.0.0.1:{port}/",
        f"http://localhost:{port}/",
        f"http://[::ffff:127.0.0.1]:{port}/",
        "http://169.254.169.254/latest/meta-data/",
        "http://100.100.100.200/latest/meta-data/",
        "http://[fd00:ec2::254]/",
        f"http://user:pw@127.0.0.1:{port}/",
    ]
    try:
        for target in targets:
            async with file_server(redirecting(lambda _, target=target: target, []), http) as here:
                with pytest.raises(Forbidden):
                    await store.fetch(here)
                with pytest.raises(Forbidden):
                    await store.fetch(target)
    finally:
        await runner.cleanup()
    assert secret == []


@pytest.mark.parametrize(
    "target",
    ["file:///etc/passwd", "ftp://example.com/x", "ws://example.com/", "javascript:x", "http://[", "data:,x"],
)
async def test_a_redirect_to_something_else_than_http_is_refused(
    http: HttpClient, store: FolderMedia, target: str
) -> None:
    async with file_server(redirecting(lambda _: target, []), http) as here:
        with pytest.raises(MindBotError) as caught:
            await store.fetch(here)
    assert isinstance(caught.value, Rejected | Forbidden)
    with pytest.raises((Rejected, Forbidden)):
        await store.fetch(target)


async def test_redirects_end(http: HttpClient, store: FolderMedia) -> None:
    seen: list[web.BaseRequest] = []
    async with file_server(redirecting(lambda _: "/again", seen), http) as here:
        with pytest.raises(Rejected, match="too often"):
            await store.fetch(here)
    assert len(seen) == 4


@pytest.mark.parametrize("announced", [True, False])
async def test_an_endless_answer_is_cut_at_the_limit(
    http: HttpClient, store: FolderMedia, tmp_path: Path, announced: bool
) -> None:
    written = 0

    async def stream(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal written
        headers = {"content-length": str(1 << 40)} if announced else {}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 10_000)
                written += 10_000
        except OSError:
            return response

    runner = web.ServerRunner(web.Server(stream), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    http.allow(url)
    try:
        with pytest.raises(Invalid, match="100,000 bytes"):
            await store.fetch(url)
    finally:
        await runner.cleanup()
    assert written < 50_000_000
    assert not list((tmp_path / "incoming").glob("*"))


async def test_an_answer_that_trickles_is_given_up(http: HttpClient, tmp_path: Path) -> None:
    store = FolderMedia(tmp_path, http, MediaLimits(seconds=0.3))

    async def trickle(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x")
                await anyio.sleep(0.01)
        except OSError:
            return response

    runner = web.ServerRunner(web.Server(trickle), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    http.allow(url)
    try:
        with pytest.raises((Overloaded, NetworkFailed)) as caught:
            await store.fetch(url)
    finally:
        await runner.cleanup()
    assert caught.value.retryable
    assert not list((tmp_path / "incoming").glob("*"))


async def test_a_full_disk_is_told_as_such(
    store: FolderMedia, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The spool file is ``/dev/full``, which refuses every byte as a full disk does."""
    make = tempfile.mkstemp
    states: list[object] = []
    store.on_state = states.append

    def on_a_full_disk(**where: Any) -> tuple[int, str]:
        handle, path = make(**where)
        os.close(handle)
        return os.open("/dev/full", os.O_WRONLY), path

    monkeypatch.setattr(tempfile, "mkstemp", on_a_full_disk)
    with pytest.raises(StoreFull, match="free some space"):
        await store.save(bytes_of(b"x" * 50_000))
    assert not list((tmp_path / "incoming").glob("*"))
    monkeypatch.undo()
    await store.save(bytes_of(b"x" * 50_000))
    assert [type(state) for state in states] == [StoreFull, type(None)]
