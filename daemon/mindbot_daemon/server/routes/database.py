"""The database as a whole."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from mindbot_daemon.server.deps import ADMIN, DatabaseDep

router = APIRouter(prefix="/database", tags=["database"])


@router.get(
    "/backup",
    response_class=FileResponse,
    dependencies=ADMIN,
    responses={200: {"content": {"application/octet-stream": {}}, "description": "The database."}},
)
async def backup(database: DatabaseDep) -> FileResponse:
    """Copy the database while it is used, prove the copy, and send it."""
    copy = await database.backup()
    gone = BackgroundTask(partial(copy.unlink, missing_ok=True))
    return FileResponse(copy, media_type="application/octet-stream", background=gone)
