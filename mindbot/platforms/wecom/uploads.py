"""Files on their way out: checked against WeCom's limits, uploaded once for three days.

Sources: WeCom developer centre, "Upload temporary media" (path/90253), "Global error codes" (path/90313).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from anyio import to_thread

from mindbot.domain.errors import NotFound, Rejected, VendorError
from mindbot.domain.host import Host
from mindbot.domain.message import Part
from mindbot.platforms.before_sending import preparing
from mindbot.platforms.sizes import megabytes
from mindbot.platforms.wecom_shared.api import Api

EXPIRED = "40007"  # the media id is not known any more
_MB = 1 << 20
_SMALLEST = 6  # bytes: every file has more than five
_LIFE = 3 * 86_400.0 - 3600.0  # seconds a media id is used again; WeCom keeps it three days
#: What WeCom says when it does not like a picture, voice or video as such. Unsure is where its limits are:
#: pages differ on pictures (2 or 10 MB).
_UNLIKED = frozenset(
    {"40004", "40005", "40006", "40009", "40011", "40123", "45001", "45007"}  # type, format, size, length
)
_VOICE_SECONDS = 60
#: Bytes of a frame of AMR by its type; a frame is 20 ms. Source: RFC 4867, storage format.
_AMR_FRAMES = (13, 14, 16, 18, 20, 21, 27, 32, 6)


@dataclass(frozen=True, slots=True)
class _Kind:
    limit: int  # bytes
    endings: tuple[str, ...]


_KINDS = {
    "image": _Kind(10 * _MB, (".jpg", ".jpeg", ".png")),
    "voice": _Kind(2 * _MB, (".amr",)),
    "video": _Kind(10 * _MB, (".mp4",)),
    "file": _Kind(20 * _MB, ()),
}


class MediaUploads:
    """The uploads of one bot. Media ids are kept on disk: a repeat after a crash must be the same request."""

    def __init__(self, api: Api, host: Host) -> None:
        self._api = api
        self._keep = host.keep
        self._media = host.media
        self.uploaded = 0

    async def ready(self, part: Part) -> Part:
        """Return a part that WeCom can send: with its media id, and as a file where it is of another kind.

        Raises:
            Rejected: too large, or empty; the limit is named.
            NotFound: the media store does not have the file.
            VendorError: WeCom refused it, or cannot be reached.
        """
        id = str(part.data.get("media") or "")
        if not id or part.kind not in _KINDS:
            return part  # no file, or one with a media id of its own
        file = await self._media.find(id)
        if file is None:
            raise NotFound(f"no media file {id!r}", hint="it may have been deleted: see media.retention")
        name = str(part.data.get("name") or file.name or id)
        path = await self._media.path(id)
        kind, why = part.kind, ""
        if kind != "file" and (why := await to_thread.run_sync(_unfit, kind, path, name, file.size)):
            kind = "file"
        if kind == "file":
            _check_size(file.size, why)
        try:
            found = await self._id(kind, id, name, path)
        except Rejected as error:
            if kind == "file" or error.code not in _UNLIKED:
                raise
            kind, why = "file", error.message
            found = await self._id(kind, id, name, path)
        data = part.data | {"media_id": found} | ({"why": why} if why else {})
        return replace(part, kind=kind, data=data)

    async def forget(self, part: Part) -> None:
        """Forget a part's media id: WeCom does not know it any more."""
        await self._keep.put(_key(part.kind, str(part.data["media"])), None)

    async def _id(self, kind: str, id: str, name: str, path: Path) -> str:
        known = await self._keep.get(_key(kind, id))
        if known is not None and known.get("name") == name:
            return str(known["media_id"])
        content = await to_thread.run_sync(path.read_bytes)
        with preparing():  # whether or not the file arrived, the message did not
            found = await self._api.upload(kind, name, content)
        self.uploaded += 1
        await self._keep.put(_key(kind, id), {"media_id": found, "name": name}, ttl=_LIFE)
        return found


def expired(error: VendorError) -> bool:
    """Tell whether a media id has ended."""
    return error.code == EXPIRED


def _key(kind: str, id: str) -> str:
    return f"media:{kind}:{id}"


def _check_size(size: int, why: str) -> None:
    if size < _SMALLEST:
        raise Rejected(f"the file has {size} bytes, WeCom takes {_SMALLEST} and more")
    limit = _KINDS["file"].limit
    if size > limit:
        also = f", and {why}" if why else ""
        raise Rejected(f"the file has {megabytes(size)}, the limit is {limit // _MB} MB{also}")


def _unfit(kind: str, path: Path, name: str, size: int) -> str:
    """Return why a file cannot be sent as this kind, or nothing. Runs in a thread."""
    rules = _KINDS[kind]
    if size > rules.limit:
        return f"a {kind} has at most {rules.limit // _MB} MB"
    if not (path.suffix.lower() in rules.endings or name.lower().endswith(rules.endings)):
        return f"a {kind} is {' or '.join(ending[1:] for ending in rules.endings)}"
    if kind == "voice" and (seconds := amr_seconds(path.read_bytes())) > _VOICE_SECONDS:
        return f"a voice has at most {_VOICE_SECONDS} seconds, this one {seconds:.0f}"
    return ""


def amr_seconds(data: bytes) -> float:
    """Return how long an AMR recording is; 0 for what is none, or is broken."""
    head = b"#!AMR\n"
    if not data.startswith(head):
        return 0.0
    at, frames = len(head), 0
    while at < len(data):
        kind = data[at] >> 3 & 15
        at += _AMR_FRAMES[kind] if kind < len(_AMR_FRAMES) else 1
        frames += 1
    return frames * 0.02
