"""What waits or is under way: the inbox and the outbox."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from mindbot.api import queue_models
from mindbot.domain.shapes.queue import QueueJson
from mindbot_daemon.server.deps import OPERATOR, VIEWER, QueueDep, UserDep

router = APIRouter(prefix="/queue", tags=["queue"])


@router.get("", response_model=queue_models.QueueView, dependencies=VIEWER)
async def list_queue(
    queue: QueueDep, limit: Annotated[int, Query(ge=1, le=1000, description="Of each.")] = 200
) -> QueueJson:
    """Turns and deliveries that are not done, the oldest first, and what each waits for."""
    return queue.queue(limit)


@router.post("/{id}/hasten", status_code=204, dependencies=OPERATOR)
async def hasten(id: str, queue: QueueDep, user: UserDep) -> None:
    """Try a delivery that waits for its next try again now."""
    queue.hasten(id, user)


@router.post("/{id}/cancel", status_code=204, dependencies=OPERATOR)
async def cancel(id: str, queue: QueueDep, user: UserDep) -> None:
    """Give up a delivery that is not on its way to the platform: it is a dead letter then."""
    await queue.cancel(id, user)
