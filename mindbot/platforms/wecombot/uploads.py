"""Files go up in pieces over the long connection; their media ids are good for three days.

Source: WeCom developer centre, "AI bot long connection" (path/101463): 512 KB a piece, 100 pieces, 30 files a
minute, half an hour to finish one; images (png, jpg, gif) and voice (amr) of 2 MB, video (mp4) of 10 MB,
files of 20 MB.
"""

from __future__ import annotations

import base64
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import anyio.to_thread

from mindbot.domain import fields
from mindbot.domain.errors import Invalid, NetworkFailed, Overloaded, Rejected
from mindbot.domain.host import Media
from mindbot.domain.message import Json, Part
from mindbot.domain.names import file_name
from mindbot.platforms.pace import Pace
from mindbot.platforms.sizes import megabytes
from mindbot.platforms.split import head

#: Sends a command with a body; returns the answer's.
Request = Callable[[str, Json], Awaitable[Json]]

_PIECE = 512 * 1024
_SMALLEST = 5
_LIMITS = {"image": 2 << 20, "voice": 2 << 20, "video": 10 << 20, "file": 20 << 20}  # bytes
_ENDINGS = {
    "image": (".png", ".jpg", ".jpeg", ".gif"),
    "voice": (".amr",),
    "video": (".mp4",),
}
_NAME = 256  # bytes
_LIFE = 1800.0 - 60  # seconds in which a begun upload can be gone on with
_KEPT = 1_000

_Key = tuple[str, str, str]  # delivery, file, name


@dataclass(slots=True)
class _Progress:
    """How far a file is: its upload's id, the pieces that arrived, and the media id at the end."""

    until: float  # loop time
    upload: str
    pieces: int
    arrived: set[int] = field(default_factory=set)
    media_id: str = ""


class ChunkedUploads:
    """Uploads of one bot. One that breaks off goes on where it stopped when its message is tried again."""

    def __init__(self, media: Media) -> None:
        self._media = media
        self._pace = Pace(20, 60.0, burst=10)
        self._begun: OrderedDict[_Key, _Progress] = OrderedDict()

    async def media_id(self, part: Part, delivery: str, request: Request) -> tuple[str, str]:
        """Return the kind a file can be sent as and its media id, uploading it where it has none yet.

        What WeCom does not take as what it is, goes as a file. ``delivery`` names what it is uploaded for.

        Raises:
            Invalid: it is too large or too small, even as a file.
            NetworkFailed: the line broke; ``sent`` is false, for nobody sees an upload.
            VendorError: WeCom refused it.
        """
        if id := part.data.get("media_id"):
            return part.kind, str(id)
        media = str(part.data["media"])
        path = await self._media.path(media)
        name = str(part.data.get("name") or path.name)
        size = (await anyio.to_thread.run_sync(path.stat)).st_size
        kind = part.kind
        if size > _LIMITS[kind] or not path.name.endswith(_ENDINGS.get(kind, "")):
            kind = "file"
        if size > _LIMITS[kind]:
            raise Invalid(f"{megabytes(size)} is too large for WeCom", hint="20 MB at most")
        if size < _SMALLEST:
            raise Invalid(f"{size} bytes are too few for WeCom", hint="5 at least")
        key = (delivery, media, name)
        try:
            return kind, await self._upload(key, path, kind, name, size, request)
        except NetworkFailed as error:
            raise NetworkFailed(error.message, hint=error.hint, code=error.code, sent=False) from error

    def done(self, delivery: str) -> None:
        """Forget what was uploaded for a message that is sent, or refused."""
        for key in [key for key in self._begun if key[0] == delivery]:
            del self._begun[key]

    async def _upload(self, key: _Key, path: Path, kind: str, name: str, size: int, request: Request) -> str:
        progress = self._begun.get(key)
        if progress is not None and progress.until > anyio.current_time():
            try:
                return await self._go_on(progress, path, request)
            except Rejected:  # not known any more, or finished by a frame whose answer was lost
                del self._begun[key]
        begun = self._begun[key] = await self._begin(path, kind, name, size, request)
        if len(self._begun) > _KEPT:
            self._begun.popitem(last=False)
        try:
            return await self._go_on(begun, path, request)
        except Rejected:
            self._begun.pop(key, None)
            raise

    async def _begin(self, path: Path, kind: str, name: str, size: int, request: Request) -> _Progress:
        with anyio.move_on_after(15.0) as waiting:
            await self._pace.turn()
        if waiting.cancelled_caught:
            raise Overloaded("the bot has uploaded as many files as WeCom allows")
        pieces = -(-size // _PIECE)
        begin: Json = {
            "type": kind,
            "filename": _short(name),
            "total_size": size,
            "total_chunks": pieces,
            "md5": await anyio.to_thread.run_sync(_md5, path),
        }
        until = anyio.current_time() + _LIFE
        answer = await request("aibot_upload_media_init", begin)
        return _Progress(until, fields.text(answer.get("upload_id")), pieces)

    async def _go_on(self, progress: _Progress, path: Path, request: Request) -> str:
        """Send what is missing, and have it put together."""
        if progress.media_id:
            return progress.media_id
        for n in range(progress.pieces):
            if n not in progress.arrived:
                data = await anyio.to_thread.run_sync(_piece, path, n)
                chunk: Json = {"upload_id": progress.upload, "chunk_index": n, "base64_data": data}
                await request("aibot_upload_media_chunk", chunk)
                progress.arrived.add(n)
        answer = await request("aibot_upload_media_finish", {"upload_id": progress.upload})
        progress.media_id = fields.text(answer.get("media_id"))
        if not progress.media_id:
            raise Overloaded("aibot_upload_media_finish: the answer holds no media_id")
        return progress.media_id


def _short(name: str) -> str:
    """Return a file name of at most 256 bytes, its ending kept."""
    name = file_name(name, "file")
    if len(name.encode()) <= _NAME:
        return name
    ending = head(Path(name).suffix, 32)
    return head(name, _NAME - len(ending.encode())) + ending


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _piece(path: Path, n: int) -> str:
    with path.open("rb") as file:
        file.seek(n * _PIECE)
        return base64.b64encode(file.read(_PIECE)).decode()
