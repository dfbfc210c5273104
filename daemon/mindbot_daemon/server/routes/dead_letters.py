"""Deliveries and turns given up on, until somebody decides."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from mindbot.api import models
from mindbot.domain.shapes.turns import DeadLetterJson
from mindbot_daemon.server.deps import OPERATOR, VIEWER, DeadLettersDep

router = APIRouter(prefix="/dead-letters", tags=["dead letters"])


@router.get("", response_model=list[models.DeadLetter], dependencies=VIEWER)
async def list_dead_letters(
    dead_letters: DeadLettersDep, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> list[DeadLetterJson]:
    """Newest first."""
    return await dead_letters.list_dead_letters(limit)


@router.post("/{id}/retry", status_code=204, dependencies=OPERATOR)
async def retry(id: str, dead_letters: DeadLettersDep) -> None:
    """Put it back into the outbox."""
    await dead_letters.retry_dead_letter(id)


@router.post("/{id}/discard", status_code=204, dependencies=OPERATOR)
async def discard(id: str, dead_letters: DeadLettersDep) -> None:
    """Forget it."""
    await dead_letters.discard_dead_letter(id)
