"""Files on their way out: what DingTalk takes them as, packed where it would refuse them.

Source: "Upload media files" (open.dingtalk.com/document/development/upload-media-files) and the table of
"Robot message types": both must be satisfied.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path

from anyio import to_thread

from mindbot.domain.delivery import DeliveryNotes
from mindbot.domain.errors import Invalid
from mindbot.domain.host import Media
from mindbot.domain.message import Json, Part
from mindbot.domain.names import file_name
from mindbot.platforms.dingtalk import say
from mindbot.platforms.dingtalk.client import DingTalkClient
from mindbot.platforms.sizes import megabytes

#: One grey pixel, for videos without a picture of their own: the API asks for one.
_COVER = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010800000000"
    "3a7e9b550000000a4944415478da636800000082008177cd72b60000000049454e44ae426082"
)


class RobotUploads:
    """Puts files onto the platform. ``pack`` puts kinds that no page lists into a zip."""

    def __init__(self, client: DingTalkClient, media: Media, *, pack: bool) -> None:
        self._client = client
        self._media = media
        self._pack = pack

    async def __call__(self, part: Part, notes: DeliveryNotes) -> Part:
        """Return a part whose file is on the platform, as the kind it could be uploaded as.

        ``notes`` are the delivery's: what was fetched and uploaded once is not again by a later attempt.

        Raises:
            Invalid: the file is too large.
            VendorError: it was refused.
        """
        if part.kind not in say.FILES or "media_id" in part.data:
            return part
        id, name = str(part.data.get("media") or ""), str(part.data.get("name") or "")
        if not id and part.kind == "image":
            return part  # the API takes the address itself
        done = notes.uploaded = notes.uploaded or {}
        found: Json | None = done.get(key := id or str(part.data["url"]))
        if found is None:
            id = id or (await self._media.fetch(key, name=name)).id
            file = await self._media.find(id)
            name = name or (file.name if file else "")
            done[key] = found = await self._upload(part.kind, name, await self._media.path(id))
        if found["kind"] == "video" and "cover_id" not in found:
            found["cover_id"] = await self._client.upload("image", "cover.png", _COVER)
        ids = {k: str(v) for k, v in found.items() if k != "kind"}
        return replace(say.uploaded(part, **ids), kind=found["kind"])

    async def _upload(self, kind: str, name: str, path: Path) -> Json:
        name = file_name(name or path.name, "file")
        if not say.ending_of(name):
            name += path.suffix
        size = (await to_thread.run_sync(path.stat)).st_size
        endings, most = say.UPLOADS[kind]
        if say.ending_of(name) not in endings or size > most:
            kind = "file"
        endings, most = say.UPLOADS["file"]
        if size > most:
            mend = f"{most >> 20} MB at most; send a link instead"
            raise Invalid(f"{name} has {megabytes(size)}, which is too large for DingTalk", hint=mend)
        content = await to_thread.run_sync(path.read_bytes)
        if kind == "file" and self._pack and say.ending_of(name) not in endings:
            content, name = await to_thread.run_sync(_packed, name, content), f"{name}.zip"
        return {"kind": kind, "name": name, "media_id": await self._client.upload(kind, name, content)}


def _packed(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name.replace("/", "_"), content)
    return out.getvalue()
