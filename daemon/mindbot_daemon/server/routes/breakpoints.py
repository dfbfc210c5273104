"""Breakpoints: where turns stop."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from mindbot.api import debug_models as models
from mindbot.domain.shapes.debug import BreakpointJson, ClearedBreakpointsJson
from mindbot_daemon.server.deps import OPERATOR, VIEWER, DebuggerDep, OperatorDep

router = APIRouter(prefix="/breakpoints", tags=["debugger"])


@router.get("", response_model=list[models.BreakpointView], dependencies=VIEWER)
async def list_breakpoints(debugger: DebuggerDep) -> list[BreakpointJson]:
    """All that are set, the oldest first."""
    return debugger.list_breakpoints()


@router.post("", response_model=models.BreakpointView, status_code=201, dependencies=OPERATOR)
async def set_breakpoint(
    wanted: models.SetBreakpoint, debugger: DebuggerDep, operator: OperatorDep
) -> BreakpointJson:
    """Stop turns that begin from now on.

    It is the console's that names itself in the header `MindBot-Console`, and goes with it, or the command
    line's; a sticky one is nobody's and stays until it is cleared.
    """
    return await debugger.set_breakpoint(wanted.model_dump(), by=operator)


@router.delete("", response_model=models.ClearedBreakpoints, dependencies=OPERATOR)
async def clear_breakpoints(
    debugger: DebuggerDep,
    operator: OperatorDep,
    everyone: Annotated[bool, Query(description="Those of others and the sticky ones too.")] = False,
) -> ClearedBreakpointsJson:
    """Clear one's own; turns that they stopped stay parked until they are let go or their lease ends."""
    return await debugger.clear_breakpoints(None, everyone=everyone, by=operator)


@router.patch("/{id}", response_model=models.BreakpointView, dependencies=OPERATOR)
async def change_breakpoint(
    id: str, change: models.ChangeBreakpoint, debugger: DebuggerDep, operator: OperatorDep
) -> BreakpointJson:
    """Change one, or switch it off and on."""
    return await debugger.change_breakpoint(id, change.model_dump(exclude_none=True), by=operator)


@router.delete("/{id}", response_model=models.ClearedBreakpoints, dependencies=OPERATOR)
async def clear_breakpoint(id: str, debugger: DebuggerDep, operator: OperatorDep) -> ClearedBreakpointsJson:
    """Clear one."""
    return await debugger.clear_breakpoints(id, everyone=False, by=operator)
