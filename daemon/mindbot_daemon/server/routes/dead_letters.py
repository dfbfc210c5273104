"""Deliveries and turns given up on, until somebody decides."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from mindbot.api import models
from mindbot.domain.shapes.turns import ListedLetterJson, SettledLettersJson, Settling
from mindbot_daemon.server import backend
from mindbot_daemon.server.deps import OPERATOR, VIEWER, DeadLettersDep

router = APIRouter(prefix="/dead-letters", tags=["dead letters"])


@router.get("", response_model=list[models.DeadLetter], dependencies=VIEWER)
async def list_dead_letters(
    dead_letters: DeadLettersDep,
    filter: Annotated[str, Query(max_length=4096, description="An expression, e.g. age > 1h.")] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    settled: Annotated[bool, Query(description="Also those that were settled lately.")] = False,
) -> list[ListedLetterJson]:
    """Newest first."""
    return await dead_letters.list_dead_letters(limit, filter, settled=settled)


async def _settle(
    letters: backend.DeadLetters, action: Settling, which: models.SettleLetters
) -> SettledLettersJson:
    return await letters.settle_dead_letters(action, which.ids, which.filter, which.limit, which.below)


@router.post("/retry", response_model=models.SettledLetters, dependencies=OPERATOR)
async def retry_letters(which: models.SettleLetters, dead_letters: DeadLettersDep) -> SettledLettersJson:
    """Put them back into the outbox, each by itself: what fails with one holds up no other."""
    return await _settle(dead_letters, "retry", which)


@router.post("/discard", response_model=models.SettledLetters, dependencies=OPERATOR)
async def discard_letters(which: models.SettleLetters, dead_letters: DeadLettersDep) -> SettledLettersJson:
    """Put them away; `restore` takes that back while they are kept."""
    return await _settle(dead_letters, "discard", which)


@router.post("/restore", response_model=models.SettledLetters, dependencies=OPERATOR)
async def restore_letters(which: models.SettleLetters, dead_letters: DeadLettersDep) -> SettledLettersJson:
    """Make discarded ones dead letters again; by their ids alone."""
    return await _settle(dead_letters, "restore", which)


@router.get("/{id}", response_model=models.DeadLetter, dependencies=VIEWER)
async def get_dead_letter(id: str, dead_letters: DeadLettersDep) -> ListedLetterJson:
    """One of them."""
    return await dead_letters.get_dead_letter(id)


@router.post("/{id}/retry", status_code=204, dependencies=OPERATOR)
async def retry(id: str, dead_letters: DeadLettersDep) -> None:
    """Put it back into the outbox."""
    await dead_letters.retry_dead_letter(id)


@router.post("/{id}/discard", status_code=204, dependencies=OPERATOR)
async def discard(id: str, dead_letters: DeadLettersDep) -> None:
    """Put it away."""
    await dead_letters.discard_dead_letter(id)


@router.post("/{id}/restore", status_code=204, dependencies=OPERATOR)
async def restore(id: str, dead_letters: DeadLettersDep) -> None:
    """Make a discarded one a dead letter again."""
    await dead_letters.restore_dead_letter(id)
