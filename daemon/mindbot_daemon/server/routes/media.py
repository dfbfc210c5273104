"""Files for messages."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from mindbot.api import models
from mindbot.domain.shapes.daemon import FileJson
from mindbot_daemon.server.deps import OPERATOR, MediaDep

router = APIRouter(prefix="/media", tags=["media"])


@router.post(
    "",
    response_model=models.MediaFile,
    status_code=201,
    dependencies=OPERATOR,
    openapi_extra={"requestBody": {"content": {"application/octet-stream": {}}, "required": True}},
)
async def upload(
    request: Request,
    media: MediaDep,
    name: Annotated[str, Query(max_length=256, description="What the file is called.")] = "",
) -> FileJson:
    """Put a file into the media store; its id can be sent and pushed. Kept for `media.retention`."""
    return await media.upload(request.stream(), name)
