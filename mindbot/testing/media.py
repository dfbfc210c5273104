"""The contract every media store keeps.

A new store is tested by one class and one fixture:

    class TestFolder(MediaContract):
        @pytest.fixture
        async def rig(self, tmp_path: Path) -> AsyncIterator[MediaRig]:
            async with HttpClient() as http:
                yield MediaRig(lambda limits: FolderMedia(tmp_path, http, limits), tmp_path, http)
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
from aiohttp import web

from mindbot.domain.errors import Invalid, MindBotError, NotAFile, NotFound, Overloaded, Rejected
from mindbot.domain.message import Json
from mindbot.domain.names import file_name
from mindbot.http.client import HttpClient
from mindbot.media.spool import MediaLimits, SpooledMedia, bytes_of


@dataclass
class MediaRig:
    """Makes stores over one place; ``folder`` is where they spool."""

    make: Callable[[MediaLimits], SpooledMedia]
    folder: Path
    http: HttpClient

    def store(self, **limits: object) -> SpooledMedia:
        return self.make(MediaLimits(**limits))  # type: ignore[arg-type]

    def spooled(self) -> list[Path]:
        """Return what is left of files that are on their way in."""
        return list((self.folder / "incoming").glob("*"))


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    """Return a stream of these pieces."""
    for each in data:
        yield each


@asynccontextmanager
async def file_server(
    answer: Callable[[web.BaseRequest], web.StreamResponse], http: HttpClient
) -> AsyncIterator[str]:
    """Serve files on loopback, allowed like a configured base URL; yields its address."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        return answer(request)

    runner = web.ServerRunner(web.Server(handle, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        http.allow(url)
        yield url
    finally:
        await runner.cleanup()


class MediaContract:
    """What every media store promises. Subclass it, and provide a ``rig`` fixture."""

    pytestmark = pytest.mark.anyio

    async def test_a_file_comes_back_as_it_went_in(self, rig: MediaRig) -> None:
        store = rig.store()
        file = await store.save(pieces(b"hello, ", b"", b"world"), name='你好 "a".txt')
        assert file.id == hashlib.sha256(b"hello, world").hexdigest() + ".txt"
        assert (file.size, file.type, file.name) == (12, "text/plain", '你好 "a".txt')
        for each in (store, rig.store()):  # another process finds it too
            assert await each.find(file.id) == file
            assert (await each.path(file.id)).read_bytes() == b"hello, world"
        assert not rig.spooled()

    async def test_a_large_file_is_streamed(self, rig: MediaRig) -> None:
        store = rig.store(size=32 << 20)
        part = os.urandom(1 << 20)
        file = await store.save(pieces(*[part] * 13), name="film.mp4")
        assert (file.size, file.type) == (13 << 20, "video/mp4")
        assert (await rig.store().path(file.id)).read_bytes() == part * 13

    @pytest.mark.parametrize(
        ("name", "told", "content", "type", "ending"),
        [
            ("a.json", "", b'{"a": 1}', "application/json", ".json"),
            ("", "", b"\x89PNG\r\n\x1a\n0000", "image/png", ".png"),
            ("", "image/jpeg", b"\xff\xd8\xff00", "image/jpeg", ".jpg"),
            ("a.facts", "", b"", "application/octet-stream", ".facts"),
            ("../../etc/passwd", "", b"x", "application/octet-stream", ".bin"),
            ("x" * 3000 + ".pdf", "", b"%PDF-1", "application/pdf", ".pdf"),
        ],
        ids=["json", "no-name", "told", "facts", "a-path", "a-long-name"],
    )
    async def test_names_and_types(
        self, rig: MediaRig, name: str, told: str, content: bytes, type: str, ending: str
    ) -> None:
        store = rig.store()
        file = await store.save(bytes_of(content), name=name, type=told)
        found = await rig.store().find(file.id)
        assert found is not None
        assert (found.type, found.size) == (type, len(content))
        assert file.id.endswith(ending)
        assert found.name == file_name(name)
        assert found.name[-4:] == name[-4:]
        assert (await rig.store().path(file.id)).read_bytes() == content

    async def test_equal_contents_are_one_file_that_knows_its_latest_name(self, rig: MediaRig) -> None:
        store = rig.store()
        one = await store.save(bytes_of(b"same"), name="one.txt")
        two = await store.save(bytes_of(b"same"), name="two.txt")
        assert one.id == two.id
        assert await store.find(one.id) == two

    async def test_many_may_save_the_same_at_once(self, rig: MediaRig) -> None:
        store = rig.store()
        found: list[str] = []

        async def save() -> None:
            found.append((await store.save(bytes_of(b"busy"), name="a.txt")).id)

        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(save)
        assert len(found) == 10
        assert len(set(found)) == 1
        assert (await store.path(found[0])).read_bytes() == b"busy"

    async def test_a_file_is_found_by_the_beginning_of_its_id(self, rig: MediaRig) -> None:
        store = rig.store()
        files = [await store.save(bytes_of(b"%d" % n), name="a.txt") for n in range(5)]
        for file in files:
            for length in (4, 9, 64, 65, 68):
                assert await store.begun(file.id[:length], 3) == [file.id]
        for strange in ("", "a", "****", "../..", "0000", files[0].id + "x", files[0].id[:10] + "."):
            assert await store.begun(strange, 3) == []

    @pytest.mark.parametrize(
        "id", ["", "x", "../" * 10 + "etc/passwd", "0" * 64 + ".txt", "0" * 64, "0" * 64 + "./a"]
    )
    async def test_what_is_not_there(self, rig: MediaRig, id: str) -> None:
        store = rig.store()
        assert await store.find(id) is None
        with pytest.raises(NotFound):
            await store.path(id)

    async def test_what_is_too_large_is_refused_while_it_comes(self, rig: MediaRig) -> None:
        store = rig.store(size=1000)
        asked = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal asked
            while True:
                asked += 1
                yield b"x" * 300

        with pytest.raises(Invalid, match="1,000 bytes"):
            await store.save(endless(), name="a.txt")
        assert asked == 4
        with pytest.raises(Invalid, match="10 bytes"):
            await store.save(pieces(b"x" * 11), limit=10)
        assert (await store.save(pieces(b"x" * 1000), limit=5000)).size == 1000
        assert not rig.spooled()

    async def test_kinds_that_are_not_allowed_are_refused(self, rig: MediaRig) -> None:
        store = rig.store(types=("image/*", "text/plain"))
        assert await store.save(bytes_of(b"x"), name="a.png")
        with pytest.raises(Invalid, match=r"application/pdf.*media\.types"):
            await store.save(bytes_of(b"%PDF-"), name="a.pdf")
        assert not rig.spooled()

    async def test_a_stream_that_breaks_or_is_cancelled_leaves_nothing(self, rig: MediaRig) -> None:
        store = rig.store()

        async def broken() -> AsyncIterator[bytes]:
            yield b"half"
            raise Overloaded("the vendor went away")

        async def hanging() -> AsyncIterator[bytes]:
            yield b"half"
            await anyio.sleep_forever()

        with pytest.raises(Overloaded):
            await store.save(broken())
        with anyio.move_on_after(0.05):
            await store.save(hanging())
        assert not rig.spooled()

    async def test_what_a_crash_left_is_cleared_at_the_next_start(self, rig: MediaRig) -> None:
        file = await rig.store().save(bytes_of(b"kept"), name="a.txt")
        left = rig.folder / "incoming" / "left"
        left.write_bytes(b"half a file")
        os.utime(left, (time.time() - 60,) * 2)
        store = rig.store()
        assert await store.clean() == 1
        assert not rig.spooled()
        assert (await store.path(file.id)).read_bytes() == b"kept"

    async def test_old_files_go_and_fresh_ones_stay(self, rig: MediaRig) -> None:
        store = rig.store()
        ids = [(await store.save(bytes_of(b"%d" % n), name="a.txt")).id for n in range(3)]
        assert await store.purge(time.time() - 60) == 0
        assert await store.purge(time.time() + 60) == 3
        for id in ids:
            assert await store.find(id) is None
            with pytest.raises(NotFound):
                await store.path(id)
        assert await store.purge(time.time() + 60) == 0

    async def test_a_working_store_says_so(self, rig: MediaRig) -> None:
        store = rig.store()
        states: list[object] = []
        store.on_state = states.append
        await store.check()
        assert await store.purge(time.time() - 3600) == 0
        assert states == []

    async def test_a_download(self, rig: MediaRig) -> None:
        def answer(request: web.BaseRequest) -> web.Response:
            assert (request.query["token"], request.headers["x-key"]) == ("a b", "k")
            headers = {"content-disposition": "attachment; filename*=UTF-8''%E4%BD%A0.png"}
            return web.Response(body=b"\x89PNG\r\n\x1a\n", headers=headers)

        async with file_server(answer, rig.http) as url:
            file = await rig.store().fetch(f"{url}/x", params={"token": "a b"}, headers={"x-key": "k"})
        assert (file.name, file.type, file.size) == ("你.png", "image/png", 8)

    async def test_a_download_may_be_changed_on_its_way(self, rig: MediaRig) -> None:
        async def shouted(chunks: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
            async for chunk in chunks:
                yield chunk.upper()

        async with file_server(lambda _: web.json_response({"a": 1}), rig.http) as url:
            file = await rig.store().fetch(url, name="a.txt", through=shouted)
        assert (await rig.store().path(file.id)).read_bytes() == b'{"A": 1}'
        assert file.type == "text/plain"

    @pytest.mark.parametrize(
        ("status", "body", "error"),
        [
            (200, {"errcode": 40007}, NotAFile),
            (404, {}, Rejected),
            (503, {}, Overloaded),
            (429, {}, Overloaded),
        ],
    )
    async def test_a_download_that_is_refused(
        self, rig: MediaRig, status: int, body: Json, error: type[MindBotError]
    ) -> None:
        async with file_server(lambda _: web.json_response(body, status=status), rig.http) as url:
            with pytest.raises(error):
                await rig.store().fetch(url)
        assert not rig.spooled()
