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


@router.post("/{platform}/{bot}/start", status_code=204, dependencies=OPERATOR)
async def start_platform(platform: str, bot: str, backend: BackendDep) -> None:
    """Start a stopped bot; one that runs begins anew."""
    await backend.restart_platform(platform, bot)


@router.post("/{platform}/{bot}/stop", status_code=204, dependencies=OPERATOR)
async def stop_platform(platform: str, bot: str, backend: BackendDep) -> None:
    """Stop the bot's adapter until it is started again; its outbox waits, callbacks are still stored."""
    await backend.stop_platform(platform, bot)


@router.post("/{platform}/{bot}/test", response_model=list[models.PlatformCheck], dependencies=OPERATOR)
async def test_platform(platform: str, bot: str, backend: BackendDep) -> list[Json]:
    """Let the bot prove that it works, in a real round trip with its platform, step by step."""
    return await backend.test_platform(platform, bot)


@router.post("/{platform}/{bot}/push", response_model=models.TurnView, dependencies=OPERATOR)
async def push(platform: str, bot: str, message: models.Push, backend: BackendDep) -> Json:
    """Let the bot say something of its own accord, to a user or a group.

    Answers with its turn when the platform has taken or refused all of it, or after the timeout: the
    deliveries say which.
    """
    turn = await backend.push(
        platform=platform,
        bot=bot,
        text=message.text,
        user=message.user,
        group=message.group,
        files=message.files,
    )
    return await backend.wait_sent(turn, message.timeout)
