"""Bots and how their platforms are."""

from __future__ import annotations

from fastapi import APIRouter

from mindbot.api import models
from mindbot.domain.message import Json
from mindbot_daemon.server.deps import VIEWER, BackendDep

router = APIRouter(prefix="/platforms", tags=["platforms"])


@router.get("", response_model=list[models.PlatformView], dependencies=VIEWER)
async def list_platforms(backend: BackendDep) -> list[Json]:
    return backend.platforms()
