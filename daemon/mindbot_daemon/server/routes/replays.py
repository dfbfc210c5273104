"""Turns made again, beside their originals."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from mindbot.api import replay_models as models
from mindbot.domain.shapes.replays import ReplayJson, ReplayOrder
from mindbot_daemon.server.answers import Answer
from mindbot_daemon.server.deps import OPERATOR, ReplaysDep

router = APIRouter(prefix="/turns", tags=["turns"])


@router.post(
    "/{turn}/replay",
    response_model=models.ReplayView,
    dependencies=OPERATOR,
    responses={202: {"model": models.ReplayView, "description": "not waited for: the ids only"}},
)
async def replay(
    turn: str, order: models.ReplayTurn, replays: ReplaysDep, request: Request
) -> Response | ReplayJson:
    """Make a turn again, from the top or from a stage or step, and answer with both side by side.

    A dry run unless ``send``: nothing of it leaves the house. With ``wait`` false it answers at once (202).
    """
    asked = ReplayOrder(
        from_stage=order.from_stage,
        edits=order.edits,
        workflow=order.workflow,
        model=order.model,
        mode=order.mode,
        recorded=order.recorded,
        reuse_approvals=order.reuse_approvals,
        send=order.send,
    )
    made = await replays.replay(turn, asked)
    request.state.turn = made
    if not order.wait:
        return Answer({"turn": made, "of": turn}, 202)
    return await replays.wait_replay(made, order.timeout)


@router.get("/{turn}/replay", response_model=models.ReplayView, dependencies=OPERATOR)
async def compared(turn: str, replays: ReplaysDep) -> ReplayJson:
    """A replay beside the turn that it makes again, step by step, as far as it has come."""
    return await replays.compare(turn)
