"""Files on their way to a customer: as what they can go, and their upload.

Source: WeCom developer centre, "Upload temporary media" (path/90253). For pictures the newest page says
10 MB, older ones and those of customer service 2 MB: the smaller is kept to.
"""

from __future__ import annotations

from anyio import to_thread

from mindbot.domain.host import File, Media
from mindbot.domain.message import Part
from mindbot.platforms.sizes import megabytes
from mindbot.platforms.wecom_shared.api import Api
from mindbot.platforms.wecomcs.say import as_text
from mindbot.platforms.wecomcs.wire import FILES

MB = 1 << 20
LIMITS = {"image": 2 * MB, "voice": 2 * MB, "video": 10 * MB, "file": 20 * MB}  # bytes
_SMALLEST = 6  # bytes; smaller ones are refused
_TYPES = {"image": ("image/jpeg", "image/png"), "voice": ("audio/amr",), "video": ("video/mp4",)}


def fitting(kind: str, file: File) -> str:
    """Return as what a file can be sent: as it is meant, else as a plain file, else not at all ("")."""
    for each in (kind, "file"):
        if _SMALLEST <= file.size <= LIMITS[each] and file.type in _TYPES.get(each, (file.type,)):
            return each
    return ""


async def uploaded(part: Part, api: Api, media: Media) -> Part:
    """Return a part whose file WeCom has; one that cannot go is said in words, with the reason.

    Raises:
        VendorError: the upload failed.
    """
    id = str(part.data.get("media") or "")
    needs = "media_id" if part.kind in FILES else "thumb_media_id"
    if not id or part.data.get(needs):
        return part
    file = await media.find(id)
    if file is None:
        return as_text(part, why="the file is not in the media store any more")
    if needs == "thumb_media_id":
        if fitting("image", file) != "image":
            return as_text(part, why=f"a preview is a jpg or png of at most {LIMITS['image'] // MB} MB")
        return Part(part.kind, part.text, part.data | {needs: await _upload("image", file, part, api, media)})
    kind = fitting(part.kind, file)
    if not kind:
        why = f"{megabytes(file.size)}; WeCom takes files of 6 bytes to {LIMITS['file'] // MB} MB"
        return as_text(part, why=why)
    data = part.data | {needs: await _upload(kind, file, part, api, media)}
    return Part(kind, part.text, data if kind == part.kind else data | {"was": part.kind})


async def _upload(kind: str, file: File, part: Part, api: Api, media: Media) -> str:
    path = await media.path(file.id)
    content = await to_thread.run_sync(path.read_bytes)
    return await api.upload(kind, str(part.data.get("name") or file.name or path.name), content)
