"""Turns that are parked: look into them, change them, let them go on."""

from __future__ import annotations

from fastapi import APIRouter

from mindbot.api import debug_models as models
from mindbot.domain.shapes.debug import FreedJson, ParkedJson, ScopesJson
from mindbot_daemon.server.deps import OPERATOR, VIEWER, DebuggerDep, OperatorDep

router = APIRouter(tags=["debugger"])


@router.get("/parked", response_model=list[models.ParkedView], dependencies=VIEWER)
async def list_parked(debugger: DebuggerDep) -> list[ParkedJson]:
    """The turns that are held, the longest held first."""
    return debugger.list_parked()


@router.post("/parked/resume", response_model=models.FreedTurns, dependencies=OPERATOR)
async def resume_parked(debugger: DebuggerDep, operator: OperatorDep) -> FreedJson:
    """Let all of them go on."""
    return debugger.resume_all(by=operator)


@router.get("/turns/{turn}/scopes", response_model=models.ScopesView, dependencies=OPERATOR)
async def get_scopes(turn: str, debugger: DebuggerDep) -> ScopesJson:
    """What a turn that is under way is at this moment, by scope: its message, route, prompt, answer, …"""
    return await debugger.scopes(turn)


@router.put("/turns/{turn}/scopes", response_model=models.ScopesView, dependencies=OPERATOR)
async def edit_scope(
    turn: str, edit: models.EditScope, debugger: DebuggerDep, operator: OperatorDep
) -> ScopesJson:
    """Put a value at a path of a parked turn: 409 where another changed it since, 422 where it may not stand
    there."""
    return await debugger.edit(turn, edit.path, edit.value, revision=edit.revision, by=operator)


@router.post("/turns/{turn}/answer", response_model=models.ParkedView, dependencies=OPERATOR)
async def answer_turn(
    turn: str, answer: models.DebugAnswer, debugger: DebuggerDep, operator: OperatorDep
) -> ParkedJson:
    """Answer a parked turn in the operator's words; no model is asked."""
    return await debugger.act(turn, "answer", text=answer.text, revision=answer.revision, by=operator)


@router.post("/turns/{turn}/resume", response_model=models.ParkedView, dependencies=OPERATOR)
async def resume_turn(
    turn: str, act: models.DebugAct, debugger: DebuggerDep, operator: OperatorDep
) -> ParkedJson:
    """Let a parked turn go on to the next breakpoint, or its end."""
    return await debugger.act(turn, "resume", revision=act.revision, by=operator)


@router.post("/turns/{turn}/step", response_model=models.ParkedView, dependencies=OPERATOR)
async def step_turn(
    turn: str, act: models.DebugAct, debugger: DebuggerDep, operator: OperatorDep
) -> ParkedJson:
    """Let it go on to where the next stage begins or ends."""
    return await debugger.act(turn, "step", revision=act.revision, by=operator)


@router.post("/turns/{turn}/step-in", response_model=models.ParkedView, dependencies=OPERATOR)
async def step_in(
    turn: str, act: models.DebugAct, debugger: DebuggerDep, operator: OperatorDep
) -> ParkedJson:
    """Let it go on to the next call of a model, a tool or a node, or to where a stage ends."""
    return await debugger.act(turn, "step-in", revision=act.revision, by=operator)


@router.post("/turns/{turn}/step-out", response_model=models.ParkedView, dependencies=OPERATOR)
async def step_out(
    turn: str, act: models.DebugAct, debugger: DebuggerDep, operator: OperatorDep
) -> ParkedJson:
    """Let it go on to where the stage around it ends."""
    return await debugger.act(turn, "step-out", revision=act.revision, by=operator)


@router.post("/turns/{turn}/drop", response_model=models.ParkedView, dependencies=OPERATOR)
async def drop_turn(
    turn: str, act: models.DebugAct, debugger: DebuggerDep, operator: OperatorDep
) -> ParkedJson:
    """End it without a word to the user."""
    return await debugger.act(turn, "drop", revision=act.revision, by=operator)


@router.post("/turns/{turn}/restart-stage", response_model=models.ParkedView, dependencies=OPERATOR)
async def restart_stage(
    turn: str, act: models.DebugAct, debugger: DebuggerDep, operator: OperatorDep
) -> ParkedJson:
    """Run a stage that it stands in again, with the turn as it was when that began; it stops before it."""
    return await debugger.act(turn, "restart-stage", stage=act.stage, revision=act.revision, by=operator)
