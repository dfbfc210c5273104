"""Files: what people sent, fetched by its downloadCode, and what robots upload.

Sources: "Download the file content of the robot receiving message", "Upload media files" (open.dingtalk.com/
document/development).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from aiohttp import web

from mindbot.domain.message import Json
from mindbot.sim.dingtalk.access import OldRefusal, Refusal
from mindbot.sim.dingtalk.people import RobotMessages
from mindbot.sim.dingtalk.robot import Robot
from mindbot.sim.faults import Faults

_UPLOADS: dict[str, tuple[int, set[str]]] = {
    "image": (20 << 20, {"jpg", "jpeg", "gif", "png", "bmp"}),
    "voice": (2 << 20, {"amr", "mp3", "wav"}),
    "video": (20 << 20, {"mp4"}),
    "file": (20 << 20, {"doc", "docx", "xls", "xlsx", "ppt", "pptx", "zip", "pdf", "rar"}),
}


class StoredFiles:
    """Downloads and uploads."""

    def __init__(
        self, people: RobotMessages, robot: Robot, faults: Faults, origin: Callable[[], str]
    ) -> None:
        self._people = people
        self._robot = robot
        self._faults = faults
        self._origin = origin

    def download(self, body: Json) -> Json:
        """Answer messageFiles/download."""
        if not body.get("robotCode"):
            raise Refusal(400, "invalidParameter.robotCode.empty")
        code = str(body.get("downloadCode", ""))
        if code not in self._people.media or self._faults.strike("/messageFiles/download", "expired-code"):
            raise Refusal(400, "invalidParameter.downloadCode")
        return {"downloadUrl": f"{self._origin()}/file/{code}"}

    async def file(self, request: web.BaseRequest, code: str) -> web.StreamResponse:
        """Serve one file, or (``cut-file``) the half of it."""
        content, type = self._people.media.get(code, (None, ""))
        if content is None:
            return web.Response(status=404)
        if not self._faults.strike("/file", "cut-file"):
            return web.Response(body=content, content_type=type)
        response = web.StreamResponse()
        response.content_length = len(content)
        await response.prepare(request)
        await response.write(content[: len(content) // 2])
        if request.transport is not None:
            request.transport.abort()
        return response

    async def upload(self, request: web.BaseRequest) -> Json:
        """Answer media/upload."""
        form = await request.post()
        kind = str(request.query.get("type") or form.get("type") or "")
        part = form.get("media")
        if kind not in _UPLOADS or not isinstance(part, web.FileField):
            raise OldRefusal(40004, "不合法的媒体文件类型")
        most, endings = _UPLOADS[kind]
        if part.filename.rpartition(".")[2].lower() not in endings:
            raise OldRefusal(40004, "不合法的媒体文件类型")
        content = part.file.read()
        if not content or len(content) > most:
            raise OldRefusal(40006, "不合法的文件大小")
        media = f"@l{secrets.token_hex(10)}"
        self._robot.uploads[media] = (kind, content)
        now = int(time.time() * 1000)
        return {"errcode": 0, "errmsg": "ok", "type": kind, "media_id": media, "created_at": now}
