"""Bots and how their platforms are. A bot's name is unique on its platform only."""

from __future__ import annotations

from fastapi import APIRouter

from mindbot.api import models
from mindbot.domain.message import Json
from mindbot_daemon.server.deps import OPERATOR, VIEWER, BackendDep

router = APIRouter(prefix="/platforms", tags=["platforms"])


@router.get("", response_model=list[models.PlatformView], dependencies=VIEWER)
async def list_platforms(backend: BackendDep) -> list[Json]:
    """Every bot, its state, and where vendors call it back."""
    return backend.platforms()


@router.get("/{platform}/{bot}", response_model=models.PlatformView, dependencies=VIEWER)
async def get_platform(platform: str, bot: str, backend: BackendDep) -> Json:
    """One bot."""
    return backend.platform(platform, bot)


@router.post("/{platform}/{bot}/restart", status_code=204, dependencies=OPERATOR)
async def restart_platform(platform: str, bot: str, backend: BackendDep) -> None:
    """Stop the bot's adapter and start it again; it reads its secrets anew."""
    await backend.restart_platform(platform, bot)
