"""Files that come up in pieces over the long connection.

Source: WeCom developer centre, "AI bot long connection" (path/101463): pieces of 512 KB, at most 100, in any
order; a begun upload lives 30 minutes, a media id three days; 30 uploads a minute.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from mindbot.domain.message import Json
from mindbot.sim.wecombot.checks import Refused

_PIECE = 512 * 1024
_LIMITS = {"image": 2 << 20, "voice": 2 << 20, "video": 10 << 20, "file": 20 << 20}
_ENDINGS = {"image": (".png", ".jpg", ".jpeg", ".gif"), "voice": (".amr",), "video": (".mp4",)}
_BEGUN_TTL = 1800.0
_MEDIA_TTL = 3 * 86_400.0


@dataclass(slots=True)
class _Begun:
    kind: str
    name: str
    size: int
    pieces: int
    md5: str
    until: float
    data: dict[int, bytes] = field(default_factory=dict)


class Uploads:
    """All uploads of a bot; ``media`` are the finished ones: type, name, content, end."""

    def __init__(self, clock: Callable[[], float], per_minute: int) -> None:
        self._clock = clock
        self._per_minute = per_minute
        self._begun: dict[str, _Begun] = {}
        self._lately: deque[float] = deque()
        self.media: dict[str, tuple[str, str, bytes, float]] = {}

    def init(self, body: Json) -> Json:
        """Begin one."""
        now = self._clock()
        while self._lately and self._lately[0] < now - 60:
            self._lately.popleft()
        if len(self._lately) >= self._per_minute:
            raise Refused(45009)
        kind, name = str(body.get("type")), str(body.get("filename") or "")
        size, pieces = body.get("total_size"), body.get("total_chunks")
        if kind not in _LIMITS or not name or len(name.encode()) > 256:
            raise Refused(40058, "bad type or filename")
        if not isinstance(size, int) or not 5 <= size <= _LIMITS[kind]:
            raise Refused(40058, "bad total_size")
        if not isinstance(pieces, int) or not 1 <= pieces <= 100 or pieces * _PIECE < size:
            raise Refused(40058, "bad total_chunks")
        if not name.lower().endswith(_ENDINGS.get(kind, "")):
            raise Refused(40058, "bad format")
        self._lately.append(now)
        id = secrets.token_urlsafe(16)
        self._begun[id] = _Begun(kind, name, size, pieces, str(body.get("md5") or ""), now + _BEGUN_TTL)
        return {"upload_id": id}

    def chunk(self, body: Json) -> Json:
        """Take a piece; one that came before is ignored."""
        begun, n = self._find(body), body.get("chunk_index")
        try:
            data = base64.b64decode(str(body.get("base64_data")), validate=True)
        except binascii.Error as error:
            raise Refused(40058, "bad base64_data") from error
        if not isinstance(n, int) or not 0 <= n < begun.pieces or not 0 < len(data) <= _PIECE:
            raise Refused(40058, "bad chunk")
        begun.data.setdefault(n, data)
        return {}

    def finish(self, body: Json) -> Json:
        """Put the pieces together."""
        begun = self._find(body)
        content = b"".join(begun.data[n] for n in sorted(begun.data))
        if len(begun.data) != begun.pieces or len(content) != begun.size:
            raise Refused(40058, "pieces are missing")
        if begun.md5 and hashlib.md5(content, usedforsecurity=False).hexdigest() != begun.md5:
            raise Refused(40058, "wrong md5")
        del self._begun[str(body["upload_id"])]
        id = secrets.token_urlsafe(24)
        self.media[id] = (begun.kind, begun.name, content, self._clock() + _MEDIA_TTL)
        return {"type": begun.kind, "media_id": id, "created_at": int(time.time())}

    def check(self, id: str, kind: str) -> None:
        """Raise Refused unless this is a media id of that kind."""
        found = self.media.get(id)
        if found is None or found[0] != kind or found[3] < self._clock():
            raise Refused(40007)

    def _find(self, body: Json) -> _Begun:
        begun = self._begun.get(str(body.get("upload_id")))
        if begun is None or begun.until < self._clock():
            raise Refused(40058, "bad upload_id")
        return begun
