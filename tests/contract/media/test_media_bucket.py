"""What a bucket adds to the contract: keys, local copies, and what is said when it does not work."""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from s3_here import Bucket, s3_server

from mindbot.config.load import load
from mindbot.domain.errors import ConfigError, MindBotError, NotFound, SecretError, StoreError
from mindbot.http.client import HttpClient
from mindbot.media.bucket import BucketMedia, BucketPlace
from mindbot.media.cache import Cache
from mindbot.media.spool import bytes_of
from mindbot.runtime.app import Runtime
from mindbot.testing.waiting import PATIENCE

pytestmark = [pytest.mark.anyio, pytest.mark.full]


@pytest.fixture(scope="module")
def s3() -> Iterator[Bucket]:
    with s3_server() as bucket:
        yield bucket


def a_store(s3: Bucket, folder: Path, *, prefix: str = "", bucket: str = "", **more: object) -> BucketMedia:
    place = BucketPlace(bucket or s3.bucket, prefix, s3.endpoint, path_style=True)
    return BucketMedia(place, folder, HttpClient(), **{"keys": s3.keys, **more})  # type: ignore[arg-type]


@pytest.mark.full
@pytest.mark.parametrize("prefix", ["", "a/b", "/a/b/"])
async def test_objects_are_named_by_their_content_under_the_prefix(
    s3: Bucket, tmp_path: Path, prefix: str
) -> None:
    file = await a_store(s3, tmp_path, prefix=prefix).save(bytes_of(prefix.encode() or b"-"), name="a.txt")
    head = prefix.strip("/")
    assert f"{head}/{file.id[:2]}/{file.id}".lstrip("/") in s3.objects()
    found = s3.client.head_object(Bucket=s3.bucket, Key=f"{head}/{file.id[:2]}/{file.id}".lstrip("/"))
    assert found["ContentType"] == "text/plain"


async def test_nobody_elses_objects_are_deleted(s3: Bucket, tmp_path: Path) -> None:
    stranger = await a_store(s3, tmp_path, prefix="purged/deeper").save(bytes_of(b"stranger"), name="a.txt")
    s3.client.put_object(Bucket=s3.bucket, Key="purged/accounts.xls", Body=b"dear")
    store = a_store(s3, tmp_path, prefix="purged")
    await store.save(bytes_of(b"mine"), name="a.txt")
    assert await store.purge(time.time() + 60) == 1
    assert s3.objects("purged/") == ["purged/accounts.xls", f"purged/deeper/{stranger.id[:2]}/{stranger.id}"]


async def test_a_copy_is_fetched_once_and_the_cache_stays_within_its_bounds(
    s3: Bucket, tmp_path: Path
) -> None:
    writer = a_store(s3, tmp_path / "writer", prefix="cached")
    ids = [(await writer.save(bytes_of(bytes([n]) * 1000), name="a.bin")).id for n in range(6)]
    store = a_store(s3, tmp_path / "reader", prefix="cached", cache=3500)
    for n, id in enumerate(ids):
        copy = await store.path(id)
        os.utime(copy, (1000 + n,) * 2)  # used long ago
    await store.clean()
    kept = {path.name for path in (tmp_path / "reader" / "cache").iterdir()}
    assert kept == set(ids[3:])
    s3.client.delete_object(Bucket=s3.bucket, Key=f"cached/{ids[5][:2]}/{ids[5]}")
    assert (await store.path(ids[5])).read_bytes() == bytes([5]) * 1000
    assert (await store.path(ids[0])).read_bytes() == bytes([0]) * 1000


def test_a_copy_somebody_is_about_to_open_is_left_alone(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", 10)
    for name in ("old", "asked", "new"):
        (tmp_path / name).write_bytes(b"x" * 8)
        cache.put(tmp_path / name, name)  # each was used just now: all stay
    for name in ("old", "asked", "new"):
        os.utime(tmp_path / "cache" / name, (1000,) * 2)
    assert cache.get("asked") is not None
    cache.shrink()
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["asked"]
    cache.remove("asked")
    cache.remove("asked")
    assert cache.get("asked") is None


async def test_a_damaged_object_is_not_given_out(s3: Bucket, tmp_path: Path) -> None:
    file = await a_store(s3, tmp_path / "w", prefix="damaged").save(bytes_of(b"sound"), name="a.txt")
    s3.client.put_object(Bucket=s3.bucket, Key=f"damaged/{file.id[:2]}/{file.id}", Body=b"rotten")
    store = a_store(s3, tmp_path / "r", prefix="damaged")
    with pytest.raises(StoreError, match="damaged"):
        await store.path(file.id)
    assert not list((tmp_path / "r").glob("*/*"))


async def test_a_missing_bucket_names_the_setting_and_a_mend_is_told(s3: Bucket, tmp_path: Path) -> None:
    store = a_store(s3, tmp_path, bucket="not-there-yet")
    states: list[StoreError | None] = []
    store.on_state = states.append
    for _ in range(2):
        with pytest.raises(StoreError, match=r"no such bucket.*media\.bucket") as caught:
            await store.save(bytes_of(b"x"), name="a.txt")
        assert caught.value.retryable
    s3.client.create_bucket(Bucket="not-there-yet")
    file = await store.save(bytes_of(b"x"), name="a.txt")
    assert await store.find(file.id) == file
    assert states[-1] is None
    assert [state is None for state in states] == [False, False, True]
    assert not list((tmp_path / "incoming").iterdir())


async def test_wrong_keys_name_the_setting_and_show_no_secret(tmp_path: Path) -> None:
    with s3_server() as s3:
        store = a_store(s3, tmp_path)
        file = await store.save(bytes_of(b"x"), name="a.txt")
        s3.check_keys_from_now_on()
        for attempt in (
            store.check(),
            store.save(bytes_of(b"y")),
            store.purge(time.time()),
            store.find(file.id),
            a_store(s3, tmp_path / "other").path(file.id),
        ):
            with pytest.raises(StoreError, match=r"media\.access_key") as caught:
                await attempt
            error: BaseException | None = caught.value
            assert error is not None
            assert s3.secret not in f"{error!r} {error.__cause__!r}"
            assert error.__suppress_context__


async def test_a_bucket_that_does_not_answer_names_the_endpoint(tmp_path: Path) -> None:
    async def keys() -> tuple[str, str]:
        return "a", "b"

    async with HttpClient() as http:
        nobody = BucketMedia(
            BucketPlace("media", "", "http://127.0.0.1:1", path_style=True), tmp_path, http, keys=keys
        )
        with pytest.raises(StoreError, match=r"media\.endpoint"):
            await nobody.check()
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
        async with listener:  # accepts, and says nothing
            silent = BucketMedia(
                BucketPlace("media", "", f"http://127.0.0.1:{port}", path_style=True),
                tmp_path,
                http,
                keys=keys,
                deadline=0.2,
            )
            with pytest.raises(StoreError, match=r"no answer.*media\.endpoint"):
                await silent.check()


async def test_a_secret_that_is_not_there_is_a_failing_store_with_the_mend(
    s3: Bucket, tmp_path: Path
) -> None:
    async def keys() -> tuple[str, str]:
        raise SecretError("no secret named 's3'", hint="mindbot secret set s3")

    with pytest.raises(StoreError, match="mindbot secret set s3"):
        await a_store(s3, tmp_path, keys=keys).check()


def test_without_the_extra_the_mend_is_named(
    s3: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r'pip install "mindbotd\[s3\]"'):
        a_store(s3, tmp_path)


@pytest.mark.parametrize(
    ("section", "missing"),
    [({"store": "s3"}, "bucket"), ({"store": "s3", "bucket": "b", "access_key": "a"}, "secret_key")],
)
def test_what_a_bucket_needs_is_asked_for(section: dict[str, str], missing: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load([], environ={}, overrides={"media": section})
    assert f"media.{missing}" in "\n".join(caught.value.problems)


async def test_the_daemon_keeps_media_in_the_bucket_and_shows_when_it_cannot(tmp_path: Path) -> None:
    with s3_server() as s3:
        section = {
            "store": "s3",
            "bucket": s3.bucket,
            "prefix": "daemon",
            "endpoint": s3.endpoint,
            "path_style": True,
            "access_key": s3.access,
            "secret_key": s3.secret,
        }
        state = tmp_path / "state"
        loaded = load([], environ={}, overrides={"state_dir": str(state), "media": section})

        async def shown(runtime: Runtime, wanted: str) -> str:
            with anyio.fail_after(PATIENCE):
                while runtime.board.state("media") != wanted:
                    await anyio.sleep(0.01)
            return runtime.board.reason("media")

        async with Runtime.open(loaded, state) as runtime:
            file = await runtime.resources.media.upload(bytes_of(b"hello"), "a.txt")
            assert f"daemon/{file['id'][:2]}/{file['id']}" in s3.objects()
            assert runtime.board.state("media") == "ok"
            with pytest.raises(NotFound):
                await runtime.resources.platforms.push(
                    platform="console", bot="", user="u", files=["0" * 64 + ".txt"]
                )
            s3.check_keys_from_now_on()
            with pytest.raises(MindBotError):
                await runtime.resources.media.upload(bytes_of(b"again"), "b.txt")
            assert "media.access_key" in await shown(runtime, "failed")
        async with Runtime.open(loaded, state) as runtime:  # it starts without its bucket, and says so
            assert "media.access_key" in await shown(runtime, "failed")
