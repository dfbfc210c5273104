"""The daemon's log: its last lines, and how much it says."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from mindbot.api import models
from mindbot.domain.shapes.daemon import LogLineJson
from mindbot_daemon.server.deps import ADMIN, VIEWER, LogsDep

router = APIRouter(tags=["logs"])


@router.get("/logs", response_model=list[models.LogLine], dependencies=VIEWER)
async def list_logs(
    logs: LogsDep,
    limit: Annotated[int, Query(ge=1, le=2000)] = 200,
    filter: Annotated[str, Query(max_length=4096, description="E.g. level in [warning, error].")] = "",
) -> list[LogLineJson]:
    """The last lines that match, oldest first. The stream's topic `log` has them as they come."""
    return logs.logs(limit=limit, filter=filter)


@router.get("/log-levels", dependencies=VIEWER)
async def get_log_levels(logs: LogsDep) -> dict[str, str]:
    """Loggers that have a level of their own; the root's name is empty."""
    return logs.log_levels()


@router.put("/log-levels", dependencies=ADMIN)
async def set_log_levels(levels: models.LogLevels, logs: LogsDep) -> dict[str, str]:
    """Change the named ones until the daemon ends; an empty level follows the parent again."""
    logs.set_log_levels(levels.root)
    return logs.log_levels()
