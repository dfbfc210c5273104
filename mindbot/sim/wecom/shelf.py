"""Temporary media: uploaded by applications or sent by members, kept for three days.

Sources: "Upload temporary media" (document/path/90253), "Get temporary media" (90254).
"""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from aiohttp import BodyPartReader, web

from mindbot.domain.message import Json
from mindbot.sim.wecom.tokens import ApiError

_MB = 1 << 20
_LIFE = 3 * 86_400.0  # seconds
_LIMITS = {"image": 10 * _MB, "voice": 2 * _MB, "video": 10 * _MB, "file": 20 * _MB}
_SMALLEST = 6  # bytes
_TOO_LARGE = {"image": 40009, "voice": 40006, "video": 40011, "file": 40006}
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
#: The first bytes by which formats are told apart.
_FORMATS = {"image": (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"), "voice": (b"#!AMR",)}


@dataclass(frozen=True, slots=True)
class Medium:
    """One file. ``until`` is in the clock's seconds."""

    kind: str
    content: bytes
    name: str
    type: str
    until: float


class Shelf:
    """All media. ``image_limit`` is bytes: pages of the documentation differ (2 or 10 MB)."""

    def __init__(self, clock: Callable[[], float], image_limit: int = 10 * _MB) -> None:
        self._clock = clock
        self._limits = _LIMITS | {"image": image_limit}
        self._media: dict[str, Medium] = {}
        self._numbers = itertools.count(1)

    def put(self, kind: str, content: bytes, name: str, type: str = "application/octet-stream") -> str:
        """Keep a file for three days; returns its media id."""
        id = f"{next(self._numbers)}-{secrets.token_urlsafe(16)}"
        self._media[id] = Medium(kind, content, name, type, self._clock() + _LIFE)
        return id

    def get(self, id: str) -> Medium:
        """Return a file; raises ApiError (40007) when there is none, or not any more."""
        medium = self._media.get(id)
        if medium is None or medium.until <= self._clock():
            raise ApiError(40007)
        return medium

    def has(self, kind: str, id: str) -> bool:
        """Tell whether a media id can be sent as this kind."""
        medium = self._media.get(id)
        return medium is not None and medium.until > self._clock() and medium.kind == kind

    def expire(self) -> None:
        """End all media early."""
        self._media.clear()

    async def upload(self, request: web.BaseRequest, now: float) -> Json:
        """Carry out media/upload; raises ApiError."""
        kind = request.query.get("type", "")
        if kind not in self._limits:
            raise ApiError(40004)
        if not request.content_type.startswith("multipart/"):
            raise ApiError(41005)
        reader = await request.multipart()
        async for part in reader:
            if not isinstance(part, BodyPartReader) or part.name != "media":
                continue
            content = bytes(await part.read())
            name, type = part.filename or "", part.headers.get("Content-Type", "application/octet-stream")
            if not name:
                raise ApiError(41005)
            self._check(kind, content)
            made = self.put(kind, content, name, type.partition(";")[0])
            return {"type": kind, "media_id": made, "created_at": str(int(now))}
        raise ApiError(41005)

    def _check(self, kind: str, content: bytes) -> None:
        if len(content) < _SMALLEST:
            raise ApiError(44001 if not content else 40006)
        if len(content) > self._limits[kind]:
            raise ApiError(_TOO_LARGE[kind])
        formats = _FORMATS.get(kind)
        if formats and not content.startswith(formats):
            raise ApiError(40005)
        if kind == "video" and content[4:8] != b"ftyp":
            raise ApiError(40005)

    def download(self, request: web.BaseRequest) -> web.Response:
        """Carry out media/get, whole or a range; raises ApiError."""
        medium = self.get(request.query.get("media_id", ""))
        name = medium.name
        shown = f'filename="{name}"' if name.isascii() else f"filename*=UTF-8''{quote(name)}"
        headers = {"Content-Disposition": f"attachment; {shown}", "Accept-Ranges": "bytes"}
        asked = _RANGE.fullmatch(request.headers.get("Range", ""))
        if asked is None:
            return web.Response(body=medium.content, content_type=medium.type, headers=headers)
        size = len(medium.content)
        first, last = int(asked[1]), min(int(asked[2] or size - 1), size - 1)
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        body = medium.content[first : last + 1]
        return web.Response(status=206, body=body, content_type=medium.type, headers=headers)
