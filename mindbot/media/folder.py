"""The media store in a local folder: one file per content, named by its hash."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import tempfile
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar
from urllib.parse import urlencode

import anyio
import anyio.to_thread
import orjson

from mindbot.domain.errors import Invalid, NotAFile, NotFound, Overloaded, Rejected, StoreError, StoreFull
from mindbot.domain.host import File
from mindbot.domain.ports import Http
from mindbot.media.kinds import ending_for, type_of

_ID = re.compile(r"[0-9a-f]{64}\.[a-z0-9]{1,8}")
_WRITE = 256 * 1024  # bytes gathered before a thread writes them

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """What may be stored: bytes a file, and patterns of MIME types."""

    size: int = 50 << 20
    types: tuple[str, ...] = ("*",)


class FolderMedia:
    """A ``mindbot.domain.host.Media`` in a folder. Equal contents share one file; facts lie beside it."""

    def __init__(self, folder: Path, http: Http, limits: MediaLimits = MediaLimits()) -> None:
        self._folder = folder
        self._http = http
        self._limits = limits

    async def save(
        self, chunks: AsyncIterable[bytes], *, name: str = "", type: str = "", limit: int = 0
    ) -> File:
        """See the port."""
        most = min(limit or self._limits.size, self._limits.size)
        path, out = await _disk(self._begin)
        try:
            digest = hashlib.sha256()
            head, size, waiting = b"", 0, bytearray()
            async for chunk in chunks:
                size += len(chunk)
                if size > most:
                    raise Invalid(f"the file is larger than {most:,} bytes", hint="see media.max_size")
                head = head or bytes(chunk[:64])
                waiting += chunk
                if len(waiting) >= _WRITE:
                    await _disk(partial(_write, out, digest, bytes(waiting)))
                    waiting.clear()
            await _disk(partial(_write, out, digest, bytes(waiting)))
            kind = type_of(name, type, head)
            if not any(fnmatchcase(kind, pattern) for pattern in self._limits.types):
                raise Invalid(f"files of type {kind} are not allowed", hint="see media.types")
            file = File(digest.hexdigest() + ending_for(kind, name), size, kind, name)
            await _disk(partial(self._keep, path, out, file))
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
    ) -> File:
        """See the port."""
        if params:
            url += ("&" if "?" in url else "?") + urlencode(params)
        async with self._http.stream("GET", url, headers=headers, first_byte=30, idle=30, total=300) as got:
            kind = got.headers.get("content-type", "")
            if got.status != 200:
                text = f"the download was answered with HTTP {got.status}"
                raise (Overloaded if got.status >= 500 or got.status == 429 else Rejected)(text)
            told = name or name_in(got.headers.get("content-disposition", ""))
            # A vendor's refusal comes as a short JSON object, a file nearly never without a name.
            if not told and kind.startswith(("application/json", "text/plain")):
                body = await got.read()
                if body.lstrip().startswith(b"{"):
                    raise NotAFile("the vendor sent a message in place of a file", body=body)
                return await self.save(bytes_of(body), name=told, type=kind, limit=limit)
            async with contextlib.aclosing(got.chunks()) as chunks:
                return await self.save(chunks, name=told, type=kind, limit=limit)

    async def find(self, id: str) -> File | None:
        """See the port."""
        if not _ID.fullmatch(id):
            return None
        return await _disk(partial(self._facts, id))

    async def path(self, id: str) -> Path:
        """See the port."""
        if await self.find(id) is None:
            raise NotFound(f"no media file {id!r}")
        return self._place(id)

    async def purge(self, older_than: float) -> int:
        """Delete files nobody stored again since a moment (Unix seconds); returns how many went."""
        return await _disk(partial(self._purge, older_than))

    # --- in threads

    def _begin(self) -> tuple[Path, BinaryIO]:
        incoming = self._folder / "incoming"
        incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, path = tempfile.mkstemp(dir=incoming)
        return Path(path), os.fdopen(handle, "wb")

    def _place(self, id: str) -> Path:
        return self._folder / id[:2] / id

    def _keep(self, path: Path, out: BinaryIO, file: File) -> None:
        out.flush()
        os.fsync(out.fileno())
        out.close()
        place = self._place(file.id)
        place.parent.mkdir(mode=0o700, exist_ok=True)
        place.with_suffix(".json").write_bytes(orjson.dumps(file.to_json()))
        path.replace(place)

    def _facts(self, id: str) -> File | None:
        place = self._place(id)
        try:
            size = place.stat().st_size
            facts = orjson.loads(place.with_suffix(".json").read_bytes())
            return File(id, size, facts["type"], facts["name"])
        except (OSError, ValueError, KeyError):
            return None

    def _purge(self, older_than: float) -> int:
        gone = 0
        for path in self._folder.glob("*/*"):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < older_than:
                    gone += path.suffix != ".json"
                    path.unlink()
        return gone


async def bytes_of(data: bytes) -> AsyncIterator[bytes]:
    """Return bytes at hand as a stream."""
    yield data


def name_in(disposition: str) -> str:
    """Return the file name of a Content-Disposition header, without folders; empty when it has none."""
    if not disposition:
        return ""
    message = EmailMessage()
    message["content-disposition"] = disposition.replace("\r", " ").replace("\n", " ")
    return (message.get_filename() or "").replace("\\", "/").rpartition("/")[2]


def _write(out: BinaryIO, digest: hashlib._Hash, data: bytes) -> None:
    digest.update(data)
    out.write(data)


def _discard(path: Path, out: BinaryIO) -> None:
    with contextlib.suppress(OSError):
        out.close()
    path.unlink(missing_ok=True)


async def _disk(work: Callable[[], T]) -> T:
    """Run in a thread; what the disk refuses is a StoreError."""
    try:
        return await anyio.to_thread.run_sync(work)
    except OSError as error:
        kind = StoreFull if error.errno in (errno.ENOSPC, errno.EDQUOT) else StoreError
        raise kind(f"media: {error.strerror or error}", hint="free some space") from error
