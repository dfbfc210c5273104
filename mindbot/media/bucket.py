"""The media store in an S3 bucket, or in what speaks its protocol (MinIO, Ceph, R2, OSS).

Source: "Amazon S3 API Reference" (docs.aws.amazon.com/AmazonS3/latest/API), error codes under "Error
responses". `obstore` (the extra ``s3``) carries the protocol; it is imported where a bucket is used.
"""

from __future__ import annotations

import hashlib
import importlib.util
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import anyio
import anyio.to_thread

from mindbot.domain.distribution import install_extra
from mindbot.domain.errors import ConfigError, MindBotError, StoreError
from mindbot.domain.host import File
from mindbot.domain.ports.http import Http
from mindbot.http.tls import certificates
from mindbot.media.cache import Cache
from mindbot.media.refusals import error_for
from mindbot.media.spool import ID, USUAL, MediaLimits, SpooledMedia, on_disk, write

if TYPE_CHECKING:
    from obstore.store import S3Store

_PART = 5 << 20  # bytes of one part of a multipart upload; no part but the last may be smaller
_PARTS_AT_ONCE = 2
_TRANSFERS = 8  # uploads and downloads at once, so that their parts stay a bounded amount of memory
_DEADLINE = 300.0  # seconds one operation may take, retries included
_CHUNK = 1 << 20
_NAME = 1000  # characters of a file's name, quoted; all metadata together may have 2 KB
_DELETE = 500  # objects deleted by one call


@dataclass(frozen=True, slots=True)
class BucketPlace:
    """Which bucket, where; an empty ``endpoint`` is Amazon's own for the region."""

    bucket: str
    prefix: str = ""
    endpoint: str = ""
    region: str = "us-east-1"
    path_style: bool = False


Keys = Callable[[], Awaitable[tuple[str, str]]]


async def no_keys() -> tuple[str, str]:
    """Leave the credentials to the environment, the profile or the machine's role."""
    return "", ""


class BucketMedia(SpooledMedia):
    """One object per content under ``PREFIX/xx/ID``, with its type and name as metadata.

    ``folder`` holds what is spooled, and local copies of up to ``cache`` bytes: those used last stay.
    """

    def __init__(
        self,
        place: BucketPlace,
        folder: Path,
        http: Http,
        limits: MediaLimits = USUAL,
        *,
        keys: Keys = no_keys,
        cache: int = 1 << 30,
        deadline: float = _DEADLINE,
        ca_file: str = "",
    ) -> None:
        """Touch neither network nor secrets. ``keys`` returns access key and secret key, both empty to leave
        them to the environment; it may raise SecretError. ``ca_file`` holds certificates (PEM) to trust
        beside the system's.

        Raises:
            ConfigError: the extra is not installed.
        """
        super().__init__(folder, http, limits)
        if importlib.util.find_spec("obstore") is None:
            raise ConfigError("media.store is s3, and obstore is not there", hint=install_extra("s3"))
        self._place = place
        self._keys = keys
        self._deadline = deadline
        self._ca_file = ca_file
        self._cache = Cache(folder / "cache", cache)
        self._store: S3Store | None = None
        self._transfers = anyio.Semaphore(_TRANSFERS)

    async def _keep(self, path: Path, file: File) -> None:
        attributes = {"Content-Type": file.type, "name": _metadata(file.name)}
        async with self._transfers, self._asking("put") as store:
            await store.put_async(
                self._key(file.id),
                path,
                attributes=attributes,
                chunk_size=_PART,
                max_concurrency=_PARTS_AT_ONCE,
            )
        await on_disk(partial(self._cache.put, path, file.id))

    async def _find(self, id: str) -> File | None:
        try:
            async with self._asking("head") as store:
                found = await store.get_async(self._key(id), options={"head": True})
        except FileNotFoundError:
            return None
        attributes: dict[str, str] = dict(found.attributes)
        kind = attributes.get("Content-Type", "application/octet-stream")
        return File(id, found.meta["size"], kind, unquote(attributes.get("name", "")))

    async def _begun(self, text: str, most: int) -> list[str]:
        found: list[str] = []
        async with self._asking("list") as store:
            async for page in store.list(f"{self._head}{text[:2]}"):  # it takes whole folders only
                ids = (each["path"].rpartition("/")[2] for each in page if self._is_ours(each["path"]))
                found += [id for id in ids if id.startswith(text)]
                if len(found) >= most:
                    break
        return found[:most]

    async def _path(self, id: str) -> Path | None:
        if (here := await on_disk(partial(self._cache.get, id))) is not None:
            return here
        try:
            async with self._transfers, self._asking("get") as store:
                found = await store.get_async(self._key(id))
                return await self._downloaded(id, found.stream(min_chunk_size=_CHUNK))
        except FileNotFoundError:
            return None

    async def _downloaded(self, id: str, chunks: AsyncIterator[bytes]) -> Path:
        path, out = await on_disk(self._begin)
        try:
            digest = hashlib.sha256()
            async for chunk in chunks:
                await on_disk(partial(write, out, digest, bytes(chunk)))
            await on_disk(out.close)
            if digest.hexdigest() != id.partition(".")[0]:
                raise StoreError(f"media: {id} is damaged in the bucket", hint="its content has another hash")
            return await on_disk(partial(self._cache.put, path, id))
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(out.close)
                await anyio.to_thread.run_sync(partial(path.unlink, missing_ok=True))

    async def _purge(self, older_than: float) -> int:
        gone = 0
        old: list[str] = []
        async with self._asking("list") as store:
            async for page in store.list(self._place.prefix or None):
                # Only what is ours: others may keep things in the same bucket.
                ours = (each for each in page if self._is_ours(each["path"]))
                old += [each["path"] for each in ours if each["last_modified"].timestamp() < older_than]
        while old:
            some, old = old[:_DELETE], old[_DELETE:]
            async with self._asking("delete") as store:
                await store.delete_async(some)
            for key in some:
                await on_disk(partial(self._cache.remove, key.rpartition("/")[2]))
            gone += len(some)
        return gone

    async def _check(self) -> None:
        async with self._asking("put") as store:
            await store.put_async(f"{self._head}probe", f"{time.time():.0f}".encode())

    async def clean(self) -> int:
        """See `SpooledMedia`; the cache is brought within its bounds as well."""
        await on_disk(self._cache.shrink)
        return await super().clean()

    # --- inside

    @property
    def _head(self) -> str:
        return f"{self._place.prefix.strip('/')}/" if self._place.prefix.strip("/") else ""

    def _key(self, id: str) -> str:
        return f"{self._head}{id[:2]}/{id}"

    def _is_ours(self, key: str) -> bool:
        id = key.rpartition("/")[2]
        return ID.fullmatch(id) is not None and key == self._key(id)

    @asynccontextmanager
    async def _asking(self, what: str) -> AsyncIterator[S3Store]:
        """Translate what goes wrong in the block; a missing object stays a FileNotFoundError.

        Raises:
            StoreError: not now, or not with these settings; says which one to mend.
        """
        try:
            with anyio.fail_after(self._deadline):
                if self._store is None:
                    self._store = await self._open()
                yield self._store
        except (MindBotError, anyio.get_cancelled_exc_class()):
            raise
        except TimeoutError as error:
            hint = "is media.endpoint reachable, and fast enough?"
            raise StoreError(f"media: no answer of the bucket in {self._deadline:g}s", hint=hint) from error
        except Exception as error:  # obstore has no common root: its own, ValueError, OSError
            if isinstance(error, FileNotFoundError) and what in ("get", "head") and not _no_bucket(error):
                raise
            raise error_for(error, self._place.bucket) from None  # its text may hold more than people may see

    async def _open(self) -> S3Store:
        try:
            access, secret = await self._keys()
        except MindBotError as error:
            raise StoreError(f"media: {error.message}", hint=error.hint) from error
        trusted = await anyio.to_thread.run_sync(certificates, self._ca_file) if self._ca_file else b""
        make = partial(_s3_store, self._place, access, secret, self._proxy(), trusted)
        return await anyio.to_thread.run_sync(make)

    def _proxy(self) -> str | None:
        return self._http.way(self._place.endpoint or f"https://s3.{self._place.region}.amazonaws.com").proxy


def _s3_store(place: BucketPlace, access: str, secret: str, proxy: str | None, trusted: bytes) -> S3Store:
    from obstore.store import S3Store

    config: dict[str, Any] = {"region": place.region, "virtual_hosted_style_request": not place.path_style}
    if place.endpoint:
        config["endpoint"] = place.endpoint
    if access:
        config |= {"access_key_id": access, "secret_access_key": secret}
    return S3Store(
        place.bucket,
        config=config,  # type: ignore[arg-type]
        client_options={
            **({"proxy_url": proxy} if proxy else {}),
            **({"root_certificate": trusted} if trusted else {}),
            **({"proxy_ca_certificate": trusted.decode()} if trusted and proxy else {}),
            "allow_http": place.endpoint.startswith("http:"),
            "connect_timeout": timedelta(seconds=5),
            "read_timeout": timedelta(seconds=30),
            "timeout": timedelta(seconds=_DEADLINE),
        },
        retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=30)},
    )


def _metadata(name: str) -> str:
    """Return a name as a header may hold it; one that is too long loses its middle, not its ending."""
    quoted = quote(name)
    while len(quoted) > _NAME:
        name = name[: len(name) // 2 - 8] + name[len(name) // 2 + 8 :]
        quoted = quote(name)
    return quoted


def _no_bucket(error: Exception) -> bool:
    return "NoSuchBucket" in str(error)
