"""Traces: the requests of a turn as they left, and how two turns differ."""

from __future__ import annotations

from fastapi import APIRouter

from mindbot.api import trace_models as models
from mindbot.domain.shapes.traces import TurnDiffJson, TurnRequestsJson
from mindbot_daemon.server.deps import VIEWER, TracesDep

router = APIRouter(prefix="/turns", tags=["traces"])


@router.get("/{turn}/requests", response_model=models.TurnRequests, dependencies=VIEWER)
async def requests(turn: str, traces: TracesDep) -> TurnRequestsJson:
    """What a turn asked models and workflows, as it left, and where each part of the prompt is from."""
    return await traces.requests(turn)


@router.get("/{turn}/diff/{other}", response_model=models.TurnDiff, dependencies=VIEWER)
async def diff(turn: str, other: str, traces: TracesDep) -> TurnDiffJson:
    """How another turn differs from this one: message, route, prompt, answer, steps, cost, times."""
    return await traces.diff(turn, other)
