"""Sandboxes that go on from a moment of a session."""

from __future__ import annotations

from fastapi import APIRouter

from mindbot.api import replay_models as models
from mindbot.domain.shapes.replays import ForkedJson
from mindbot_daemon.server.deps import OPERATOR, ForksDep

router = APIRouter(prefix="/sessions", tags=["sessions"])


@router.post("/{session:path}/fork", response_model=models.Forked, dependencies=OPERATOR)
async def fork(session: str, order: models.ForkSession, forks: ForksDep) -> ForkedJson:
    """Copy what was said up to a turn into a sandbox, in which nothing reaches anybody.

    Messages with its ``session`` (`POST /v1/turns`) are answered as the user's would be at that moment.
    """
    return await forks.fork(session, order.at, order.conversations)
