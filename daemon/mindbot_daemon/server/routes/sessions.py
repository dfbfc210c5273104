"""Conversations."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from mindbot.api import models
from mindbot.domain.shapes.turns import ClearedJson, SessionJson, TransferredJson
from mindbot_daemon.server.deps import OPERATOR, VIEWER, SessionsDep

router = APIRouter(prefix="/sessions", tags=["sessions"])


@router.get("", response_model=list[models.SessionView], dependencies=VIEWER)
async def list_sessions(
    sessions: SessionsDep,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    before: Annotated[
        str, Query(max_length=64, description="`last` of the last session of the page before.")
    ] = "",
) -> list[SessionJson]:
    """The most recently active first. Their turns: `/v1/turns?filter=session == "…"`."""
    return await sessions.list_sessions(limit=limit, before=before)


@router.post("/{session:path}/transfer", response_model=models.Transferred, dependencies=OPERATOR)
async def transfer(session: str, order: models.Transfer, sessions: SessionsDep) -> TransferredJson:
    """Hand a session to people (``pool``, or a person's user id), back to the ``bot``, or ``end`` it."""
    return await sessions.transfer(session, order.to)


@router.post("/{session:path}/clear", response_model=models.Cleared, dependencies=OPERATOR)
async def clear(session: str, sessions: SessionsDep) -> ClearedJson:
    """Let the bot forget what was said so far: no model is shown it again. The turns stay to be seen."""
    return await sessions.clear_session(session)
