"""Files for messages."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse

from mindbot.api import models
from mindbot.domain.names import saved_name
from mindbot.domain.shapes.daemon import FileJson
from mindbot_daemon.server.deps import OPERATOR, VIEWER, MediaDep

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


@router.get("/{id}/facts", response_model=models.MediaFile, dependencies=VIEWER)
async def facts(id: str, media: MediaDep) -> FileJson:
    """What is known of a file. Of its id so much is enough as no other begins with."""
    return await media.facts(id)


@router.get(
    "/{id}",
    response_class=FileResponse,
    dependencies=VIEWER,
    responses={200: {"content": {"application/octet-stream": {}}, "description": "The file."}},
)
async def content(id: str, media: MediaDep) -> FileResponse:
    """Send a file; its id is the SHA-256 of what comes, with an ending. What it is, its sender alone said."""
    file, path = await media.content(id)
    return FileResponse(
        path,
        media_type="application/octet-stream",
        filename=saved_name(file["name"], file["id"]),
        headers={"X-Content-Type-Options": "nosniff"},
    )
