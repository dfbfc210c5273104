"""The configuration in use."""

from __future__ import annotations

from fastapi import APIRouter

from mindbot.api import models
from mindbot.domain.message import Json
from mindbot_daemon.server.deps import ADMIN, HostDep

router = APIRouter(prefix="/config", tags=["config"])


@router.post("/reload", response_model=models.Reloaded, dependencies=ADMIN)
async def reload(host: HostDep) -> Json:
    """Read the configuration again; when it cannot be used, the old one stays and 422 says why."""
    return await host.reload()
