"""How messages are routed: the router and its rules, explanations, corrections, another configuration."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from mindbot.api import workflow_models as models
from mindbot.domain.shapes.workflows import DecisionJson, LearnedJson, MovedJson, RouterJson
from mindbot_daemon.server.deps import OPERATOR, VIEWER, RoutingDep, UserDep

router = APIRouter(prefix="/routes", tags=["routes"])


@router.get("", response_model=models.RouterView, dependencies=VIEWER)
async def get_router(routing: RoutingDep) -> RouterJson:
    """How the router is, its rules in order and how often each decided."""
    return await routing.state()


@router.post("/explain", response_model=models.DecisionView, dependencies=OPERATOR)
async def explain_route(asked: models.AskRoute, routing: RoutingDep) -> DecisionJson:
    """Where a message would go, and why; nothing is sent. This costs what an embedder and a judge cost."""
    return await routing.explain(
        asked.text,
        platform=asked.platform,
        bot=asked.bot,
        user=asked.user,
        group=asked.group,
        departments=asked.departments,
        session=asked.session,
    )


@router.get("/learned", response_model=list[models.LearnedView], dependencies=VIEWER)
async def list_learned(
    routing: RoutingDep,
    state: Annotated[
        Literal["pending", "accepted", "rejected", "reverted", ""],
        Query(description="only those; empty: all"),
    ] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> list[LearnedJson]:
    """What operators and users corrected, the newest first."""
    return await routing.learned(state, limit)


@router.post("/learned", response_model=models.LearnedView, dependencies=OPERATOR)
async def teach_route(correction: models.TeachRoute, routing: RoutingDep, user: UserDep) -> LearnedJson:
    """Say where a text, or what a turn was asked, belongs; it is kept who did."""
    return await routing.learn(
        correction.text, turn=correction.turn, workflow=correction.workflow, note=correction.note, by=user
    )


@router.post("/learned/{id}/accept", response_model=models.LearnedView, dependencies=OPERATOR)
async def accept_learned(id: str, routing: RoutingDep, user: UserDep) -> LearnedJson:
    """Let a correction count from now on."""
    return await routing.review(id, "accept", by=user)


@router.post("/learned/{id}/reject", response_model=models.LearnedView, dependencies=OPERATOR)
async def reject_learned(id: str, routing: RoutingDep, user: UserDep) -> LearnedJson:
    """Keep a correction from counting."""
    return await routing.review(id, "reject", by=user)


@router.post("/learned/{id}/revert", response_model=models.LearnedView, dependencies=OPERATOR)
async def revert_learned(id: str, routing: RoutingDep, user: UserDep) -> LearnedJson:
    """Let an accepted correction count no longer."""
    return await routing.review(id, "revert", by=user)


@router.post("/diff", response_model=list[models.MovedView], dependencies=OPERATOR)
async def diff_routes(asked: models.DiffRoutes, routing: RoutingDep) -> list[MovedJson]:
    """Which of the last stored messages another configuration would send elsewhere; it is not used."""
    return await routing.diff(asked.config, asked.last)
