"""Bots and how their platforms are. A bot's name is unique on its platform only."""

from __future__ import annotations

from fastapi import APIRouter

from mindbot.api import models
from mindbot.domain.shapes.daemon import BotJson, CheckJson
from mindbot.domain.shapes.turns import TurnJson
from mindbot_daemon.server.deps import OPERATOR, VIEWER, PlatformsDep, TurnsDep

router = APIRouter(prefix="/platforms", tags=["platforms"])


@router.get("", response_model=list[models.PlatformView], dependencies=VIEWER)
async def list_platforms(platforms: PlatformsDep) -> list[BotJson]:
    """Every bot, its state, and where vendors call it back."""
    return platforms.platforms()


@router.get("/{platform}/{bot}", response_model=models.PlatformView, dependencies=VIEWER)
async def get_platform(platform: str, bot: str, platforms: PlatformsDep) -> BotJson:
    """One bot."""
    return platforms.platform(platform, bot)


@router.post("/{platform}/{bot}/restart", status_code=204, dependencies=OPERATOR)
async def restart_platform(platform: str, bot: str, platforms: PlatformsDep) -> None:
    """Stop the bot's adapter and start it again; it reads its secrets anew."""
    await platforms.restart_platform(platform, bot)


@router.post("/{platform}/{bot}/start", status_code=204, dependencies=OPERATOR)
async def start_platform(platform: str, bot: str, platforms: PlatformsDep) -> None:
    """Start a stopped bot; one that runs begins anew."""
    await platforms.restart_platform(platform, bot)


@router.post("/{platform}/{bot}/stop", status_code=204, dependencies=OPERATOR)
async def stop_platform(platform: str, bot: str, platforms: PlatformsDep) -> None:
    """Stop the bot's adapter until it is started again; its outbox waits, callbacks are still stored."""
    await platforms.stop_platform(platform, bot)


@router.post("/{platform}/{bot}/test", response_model=list[models.PlatformCheck], dependencies=OPERATOR)
async def test_platform(platform: str, bot: str, platforms: PlatformsDep) -> list[CheckJson]:
    """Let the bot prove that it works, in a real round trip with its platform, step by step."""
    return await platforms.test_platform(platform, bot)


@router.post("/{platform}/{bot}/push", response_model=models.TurnView, dependencies=OPERATOR)
async def push(
    platform: str, bot: str, message: models.Push, platforms: PlatformsDep, turns: TurnsDep
) -> TurnJson:
    """Let the bot say something of its own accord, to a user or a group.

    Answers with its turn when the platform has taken or refused all of it, or after the timeout: the
    deliveries say which.
    """
    turn = await platforms.push(
        platform=platform,
        bot=bot,
        text=message.text,
        user=message.user,
        group=message.group,
        files=message.files,
    )
    return await turns.wait_sent(turn, message.timeout)
