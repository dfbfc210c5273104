"""Files go up in pieces over the long connection; their media ids are good for three days.

Source: WeCom developer centre, "AI bot long connection" (path/101463): 512 KB a piece, 100 pieces, 30 files a
minute; images (png, jpg, gif) and voice (amr) of 2 MB, video (mp4) of 10 MB, files of 20 MB.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import anyio.to_thread

from mindbot.domain.errors import Invalid, Overloaded
from mindbot.domain.host import Media
from mindbot.domain.message import Json, Part
from mindbot.platforms.pace import Pace

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


class Uploads:
    """Uploads of one bot."""

    def __init__(self, media: Media) -> None:
        self._media = media
        self._pace = Pace(20, 60.0, burst=10)

    async def media_id(self, part: Part, request: Request) -> tuple[str, str]:
        """Return the kind a file can be sent as and its media id, uploading it where it has none yet.

        What WeCom does not take as what it is, goes as a file.

        Raises:
            Invalid: it is too large or too small, even as a file.
            VendorError: WeCom refused it.
        """
        if id := part.data.get("media_id"):
            return part.kind, str(id)
        path = await self._media.path(str(part.data["media"]))
        name = str(part.data.get("name") or path.name)
        size = (await anyio.to_thread.run_sync(path.stat)).st_size
        kind = part.kind
        if size > _LIMITS[kind] or not path.name.endswith(_ENDINGS.get(kind, "")):
            kind = "file"
        if size > _LIMITS[kind]:
            raise Invalid(f"{size / 1e6:.0f} MB is too large for WeCom", hint="20 MB at most")
        if size < _SMALLEST:
            raise Invalid(f"{size} bytes are too few for WeCom", hint="5 at least")
        with anyio.move_on_after(15.0) as waiting:
            await self._pace.turn()
        if waiting.cancelled_caught:
            raise Overloaded("the bot has uploaded as many files as WeCom allows")
        return kind, await self._upload(path, kind, name, size, request)

    async def _upload(self, path: Path, kind: str, name: str, size: int, request: Request) -> str:
        pieces = -(-size // _PIECE)
        md5 = await anyio.to_thread.run_sync(_md5, path)
        begin: Json = {
            "type": kind,
            "filename": _short(name),
            "total_size": size,
            "total_chunks": pieces,
            "md5": md5,
        }
        upload = str((await request("aibot_upload_media_init", begin)).get("upload_id") or "")
        for n in range(pieces):
            data = await anyio.to_thread.run_sync(_piece, path, n)
            chunk: Json = {"upload_id": upload, "chunk_index": n, "base64_data": data}
            await request("aibot_upload_media_chunk", chunk)
        answer = await request("aibot_upload_media_finish", {"upload_id": upload})
        return str(answer.get("media_id") or "")


def _short(name: str) -> str:
    """Return a file name of at most 256 bytes, its ending kept."""
    data = name.encode("utf-8", "replace")
    if len(data) <= _NAME:
        return data.decode()
    ending = Path(name).suffix.encode("utf-8", "replace")[:32]
    return (data[: _NAME - len(ending)] + ending).decode("utf-8", "ignore")


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _piece(path: Path, n: int) -> str:
    with path.open("rb") as file:
        file.seek(n * _PIECE)
        return base64.b64encode(file.read(_PIECE)).decode()
