"""What media stores share: a stream is spooled to a local file, bounded and hashed, then kept by its hash."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar
from urllib.parse import urlencode

import anyio
import anyio.to_thread

from mindbot.domain import fields
from mindbot.domain.errors import (
    Invalid,
    NotAFile,
    NotFound,
    Overloaded,
    Rejected,
    StoreError,
    StoreFull,
    StoreReadOnly,
)
from mindbot.domain.host import File, Through
from mindbot.domain.names import file_name
from mindbot.domain.ports.http import Http
from mindbot.media.downloads import followed, name_in
from mindbot.media.folders import own_folder
from mindbot.media.kinds import ending_for, type_of

#: The id of a stored file: the SHA-256 of its content, and an ending.
ID = re.compile(r"[0-9a-f]{64}\.[a-z0-9]{1,8}")
_BEGINNING = re.compile(r"[0-9a-f]{4,64}|[0-9a-f]{64}\.[a-z0-9]{0,8}")
_WRITE = 256 * 1024  # bytes gathered before a thread writes them
_REDIRECTS = 3
_IDLE = 30.0  # seconds without a byte until a download is given up

_KINDS: dict[int, type[StoreError]] = {
    errno.ENOSPC: StoreFull,
    errno.EDQUOT: StoreFull,
    errno.EROFS: StoreReadOnly,
}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """What may be stored: bytes a file, patterns of MIME types, and seconds a download may take in all."""

    size: int = 50 << 20
    types: tuple[str, ...] = ("*",)
    seconds: float = 300.0


USUAL = MediaLimits()


class SpooledMedia(ABC):
    """A ``mindbot.domain.host.Media`` with a local ``folder`` to spool in, and a place of its own behind it.

    ``on_state`` is told of every failure of the place, and None once it works again; ``failing`` tells how
    it was last.
    """

    def __init__(self, folder: Path, http: Http, limits: MediaLimits = USUAL) -> None:
        self._folder = folder
        self._http = http
        self._limits = limits
        self.failing = False
        self._began = time.time() - 1.0  # file systems' clocks may be a little behind
        self.on_state: Callable[[StoreError | None], None] = lambda error: None

    # --- what a store adds

    @abstractmethod
    async def _keep(self, path: Path, file: File) -> None:
        """Move a spooled file to its place, and note that it came; raises StoreError."""

    @abstractmethod
    async def _find(self, id: str) -> File | None:
        """Return what is known of a file; raises StoreError."""

    @abstractmethod
    async def _begun(self, text: str, most: int) -> list[str]:
        """Return up to ``most`` ids that begin so, with four hexadecimal signs or more; raises StoreError."""

    @abstractmethod
    async def _path(self, id: str) -> Path | None:
        """Return a local copy, None when there is no such file; raises StoreError."""

    @abstractmethod
    async def _purge(self, older_than: float) -> int:
        """Delete what did not come since; returns how many files; raises StoreError."""

    @abstractmethod
    async def _check(self) -> None:
        """Try whether a file could be kept; raises StoreError."""

    # --- the port

    async def save(
        self, chunks: AsyncIterable[bytes], *, name: str = "", type: str = "", limit: int = 0
    ) -> File:
        """See the port."""
        most = min(limit or self._limits.size, self._limits.size)
        with self._noted():
            path, out = await on_disk(self._begin)
            try:
                file = await self._spool(chunks, out, most, file_name(name), type)
                await self._keep(path, file)
            except BaseException:
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(_discard, path, out)
                raise
        return file

    async def fetch(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        name: str = "",
        limit: int = 0,
        through: Through | None = None,
    ) -> File:
        """See the port. A few redirects are followed; ``headers`` go to the first host only."""
        if params:
            url += ("&" if "?" in url else "?") + urlencode(params)
        try:
            with anyio.fail_after(self._limits.seconds):
                for _ in range(_REDIRECTS + 1):
                    found = await self._get(url, headers, name, limit, through)
                    if isinstance(found, File):
                        return found
                    url, headers = followed(url, found, headers)
        except TimeoutError as error:
            raise Overloaded(f"the download took longer than {self._limits.seconds:g}s") from error
        raise Rejected("the download was redirected too often")

    async def find(self, id: str) -> File | None:
        """See the port."""
        if not ID.fullmatch(id):
            return None
        with self._noted():
            return await self._find(id)

    async def path(self, id: str) -> Path:
        """See the port."""
        path = None
        if ID.fullmatch(id):
            with self._noted():
                path = await self._path(id)
        if path is None:
            raise NotFound(f"no media file {id!r}")
        return path

    # --- for the runtime

    async def begun(self, text: str, most: int) -> list[str]:
        """Return up to ``most`` ids of files that begin so; none for what no id begins with.

        Raises:
            StoreError: not now.
        """
        if not _BEGINNING.fullmatch(text):
            return []
        with self._noted():
            return await self._begun(text, most)

    async def purge(self, older_than: float) -> int:
        """Delete files nobody stored again since a moment (Unix seconds); returns how many went.

        Raises:
            StoreError: not now.
        """
        with self._noted():
            return await self._purge(older_than)

    async def check(self) -> None:
        """Try whether files can be kept; raises StoreError."""
        with self._noted():
            await self._check()

    async def clean(self) -> int:
        """Delete what a process before this one left half spooled; returns how many files."""
        return await on_disk(self._clean)

    # --- inside

    async def _get(
        self, url: str, headers: Mapping[str, str] | None, name: str, limit: int, through: Through | None
    ) -> File | str:
        """Download one address; returns where it redirects to instead, when it does."""
        total = self._limits.seconds
        async with self._http.stream(
            "GET", url, headers=headers, first_byte=_IDLE, idle=_IDLE, total=total
        ) as got:
            kind = got.headers.get("content-type", "")
            if got.status in (301, 302, 303, 307, 308) and "location" in got.headers:
                return got.headers["location"]
            if got.status != 200:
                text = f"the download was answered with HTTP {got.status}"
                raise (Overloaded if got.status >= 500 or got.status == 429 else Rejected)(text)
            told = name or name_in(got.headers.get("content-disposition", ""))
            if through is not None:
                async with (
                    contextlib.aclosing(got.chunks()) as chunks,
                    contextlib.aclosing(through(chunks)) as changed,
                ):
                    return await self.save(changed, name=told, limit=limit)  # the type was the cover's
            _bound(
                fields.whole(got.headers.get("content-length")),
                min(limit or self._limits.size, self._limits.size),
            )
            # A vendor's refusal comes as a short JSON object, a file nearly never without a name.
            if not told and kind.startswith(("application/json", "text/plain")):
                body = await got.read()
                if body.lstrip().startswith(b"{"):
                    raise NotAFile("the vendor sent a message in place of a file", body=body)
                return await self.save(bytes_of(body), name=told, type=kind, limit=limit)
            async with contextlib.aclosing(got.chunks()) as chunks:
                return await self.save(chunks, name=told, type=kind, limit=limit)

    async def _spool(
        self, chunks: AsyncIterable[bytes], out: BinaryIO, most: int, name: str, type: str
    ) -> File:
        digest = hashlib.sha256()
        head, size, waiting = b"", 0, bytearray()
        async for chunk in chunks:
            size += len(chunk)
            _bound(size, most)
            head = head or bytes(chunk[:64])
            waiting += chunk
            if len(waiting) >= _WRITE:
                await on_disk(partial(write, out, digest, bytes(waiting)))
                waiting.clear()
        await on_disk(partial(_finish, out, digest, bytes(waiting)))
        kind = type_of(name, type, head)
        if not any(fnmatchcase(kind, pattern) for pattern in self._limits.types):
            raise Invalid(f"files of type {kind} are not allowed", hint="see media.types")
        return File(digest.hexdigest() + ending_for(kind, name), size, kind, name)

    @contextlib.contextmanager
    def _noted(self) -> Iterator[None]:
        """Tell ``on_state`` when the store begins to fail, and when it works again."""
        try:
            yield
        except StoreError as error:
            self.failing = True
            self.on_state(error)
            raise
        if self.failing:
            self.failing = False
            self.on_state(None)

    # --- in threads

    def _begin(self) -> tuple[Path, BinaryIO]:
        incoming = self._folder / "incoming"
        own_folder(incoming)
        handle, path = tempfile.mkstemp(dir=incoming)
        return Path(path), os.fdopen(handle, "wb")

    def _clean(self) -> int:
        gone = 0
        for path in (self._folder / "incoming").glob("*"):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < self._began:
                    path.unlink()
                    gone += 1
        return gone


async def bytes_of(data: bytes) -> AsyncIterator[bytes]:
    """Return bytes at hand as a stream."""
    yield data


def write(out: BinaryIO, digest: hashlib._Hash, data: bytes) -> None:
    """Write a piece and count it into the hash."""
    digest.update(data)
    out.write(data)


async def on_disk(work: Callable[[], T]) -> T:
    """Run in a thread; what the disk refuses is a StoreError."""
    try:
        return await anyio.to_thread.run_sync(work)
    except OSError as error:
        kind = _KINDS.get(error.errno or 0, StoreError)
        hint = "free some space" if kind is StoreFull else "may the daemon write its media folder?"
        raise kind(f"media: {error.strerror or error}", hint=hint) from error


def _bound(size: int, most: int) -> None:
    if size > most:
        raise Invalid(f"the file is larger than {most:,} bytes", hint="see media.max_size")


def _finish(out: BinaryIO, digest: hashlib._Hash, data: bytes) -> None:
    write(out, digest, data)
    out.flush()
    os.fsync(out.fileno())
    out.close()


def _discard(path: Path, out: BinaryIO) -> None:
    with contextlib.suppress(OSError):
        out.close()
    path.unlink(missing_ok=True)
