"""The database as a whole."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from mindbot.api import instrument_models
from mindbot.domain.shapes.instruments import SqlAnswerJson
from mindbot_daemon.server.deps import ADMIN, DatabaseDep, UserDep

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


@router.post("/query", response_model=instrument_models.SqlAnswer, dependencies=ADMIN)
async def query(asked: instrument_models.AskDatabase, database: DatabaseDep, user: UserDep) -> SqlAnswerJson:
    """Ask in SQL: one SELECT, for reading alone; what looks like a secret is masked."""
    return await database.query(asked.sql, asked.limit, asked.timeout, user)
