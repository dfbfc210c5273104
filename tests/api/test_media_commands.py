"""Files of the media store are read over the API and saved by the command line, whatever they are called."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import httpx
import pytest
from cli_here import Run
from daemon_here import Running

from mindbot.api import calls
from mindbot.domain.errors import Invalid, NotFound
from mindbot.http.client import HttpClient
from mindbot.media.folder import FolderMedia
from mindbot.media.spool import bytes_of
from mindbot.runtime.resources.kept import MediaResource

pytestmark = pytest.mark.anyio

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 800


@pytest.fixture
async def store(up: Running, tmp_path: Path) -> AsyncIterator[FolderMedia]:
    async with HttpClient() as http:
        media = FolderMedia(tmp_path / "media", http)
        up.runtime.resources.media = MediaResource(media)
        yield media


async def test_a_file_comes_as_it_was_kept(up: Running, store: FolderMedia) -> None:
    file = await store.save(bytes_of(PNG), name='发票 "a".png')
    assert (await up.client.ask(calls.media_facts(file.id[:6]))).to_json() == file.to_json()
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(up.socket))) as http:
        got = await http.get(f"http://mindbot/v1/media/{file.id[:6]}")
    assert (got.status_code, got.content) == (200, PNG)
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["content-type"] == "application/octet-stream"
    assert (
        got.headers["content-disposition"] == "attachment; filename*=utf-8''%E5%8F%91%E7%A5%A8%20%22a%22.png"
    )


async def test_what_is_not_kept_says_why(up: Running, store: FolderMedia) -> None:
    file = await store.save(bytes_of(PNG))
    await store.purge(4e9)
    with pytest.raises(NotFound, match="is not kept, or no longer") as gone:
        await up.client.ask(calls.media_facts(file.id))
    assert "media.retention" in gone.value.hint
    for strange in (file.id[:9], "abc", "*", "..", "%2e%2e", "ab*", file.id.upper(), "\n", "a" * 5000):
        with pytest.raises(NotFound):
            await up.client.ask(calls.media_facts(strange))


async def test_a_short_id_has_to_be_one_files(up: Running, store: FolderMedia) -> None:
    where = store._place("abcd" + "0" * 60 + ".bin").parent
    where.mkdir(parents=True)
    for n in "12":
        (where / f"abcd{n * 60}.bin").write_bytes(b"x")
    with pytest.raises(Invalid, match="begins the ids of several files"):
        await up.client.ask(calls.media_facts("abcd"))


async def test_a_file_is_saved_for_oneself_and_never_over_another(
    run: Run, store: FolderMedia, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = await store.save(bytes_of(PNG), name="cat.png")
    monkeypatch.chdir(tmp_path)
    target = tmp_path / "mine.png"
    done = await run("media", "save", file.id[:8], "--output", str(target), terminal=True)
    assert (done.code, done.out) == (0, f"saved {target}  image/png  {len(PNG):,} bytes\n")
    assert target.read_bytes() == PNG and target.stat().st_mode & 0o777 == 0o600
    done = await run("media", "save", file.id, "--output", str(target))
    assert done.code == 1 and "exists already" in done.err
    done = await run("media", "save", "0123456789")
    assert done.code == 1 and "no file '0123456789' is kept" in done.err and "mindbot trace" in done.err


async def test_no_name_leads_out_of_the_folder(
    run: Run, store: FolderMedia, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = anyio.Path(tmp_path / "here")
    await here.mkdir()
    names = [
        "../../up.txt",
        "/etc/x\x1b[2Jy.txt",
        "..\\..\\win.txt",
        "-rf.txt",
        "~root",
        "a\r\nb\u202egnp.exe",
    ]
    for n, name in enumerate(["", *names, "长" * 300 + ".txt"]):
        file = await store.save(bytes_of(f"file {n}".encode()), name=name)
        monkeypatch.chdir(tmp_path / "here")
        done = await run("media", "save", file.id, "--json")
        [said] = done.objects
        assert done.code == 0 and said["id"] == file.id
    found = {path.name: path.read_bytes() async for path in _files(here)}
    assert {*found} >= {"up.txt", "x[2Jy.txt", "win.txt", "rf.txt", "root", "a bgnp.exe"}
    first = hashlib.sha256(b"file 0").hexdigest()
    assert found[f"{first[:12]}.bin"] == b"file 0"
    assert len(found) == 8 and all(len(name.encode()) <= 255 for name in found)


async def _files(folder: anyio.Path) -> AsyncIterator[Path]:
    async for path in folder.iterdir():
        yield Path(path)
