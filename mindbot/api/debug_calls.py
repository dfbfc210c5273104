"""The calls of the debugger; see `mindbot.api.calls`."""

from __future__ import annotations

from typing import Any, Literal

from mindbot.api import debug_models as models
from mindbot.api.one_call import ApiCall, many, one, segment
from mindbot.domain.message import Json

#: What can be done with a parked turn, but for `answer_turn`.
DebugAction = Literal["resume", "step", "step-in", "step-out", "drop", "restart-stage"]


def breakpoints() -> ApiCall[list[models.BreakpointView]]:
    """All that are set, the oldest first."""
    return ApiCall("GET", "/v1/breakpoints", many(models.BreakpointView))


def set_breakpoint(wanted: models.SetBreakpoint) -> ApiCall[models.BreakpointView]:
    """Stop turns that begin from now on."""
    body = wanted.model_dump(mode="json", exclude_defaults=True)
    return ApiCall("POST", "/v1/breakpoints", one(models.BreakpointView), body=body)


def change_breakpoint(id: str, change: models.ChangeBreakpoint) -> ApiCall[models.BreakpointView]:
    """Change one, or switch it off and on (``enabled``)."""
    body = change.model_dump(mode="json", exclude_none=True)
    return ApiCall("PATCH", _breakpoint(id), one(models.BreakpointView), body=body)


def clear_breakpoint(id: str) -> ApiCall[models.ClearedBreakpoints]:
    return ApiCall("DELETE", _breakpoint(id), one(models.ClearedBreakpoints))


def clear_breakpoints(*, everyone: bool = False) -> ApiCall[models.ClearedBreakpoints]:
    """Clear one's own, or those of everyone and the sticky ones too."""
    query = {"everyone": "true"} if everyone else {}
    return ApiCall("DELETE", "/v1/breakpoints", one(models.ClearedBreakpoints), query=query)


def parked() -> ApiCall[list[models.ParkedView]]:
    """The turns that are held, the longest held first."""
    return ApiCall("GET", "/v1/parked", many(models.ParkedView))


def resume_parked() -> ApiCall[models.FreedTurns]:
    """Let all parked turns go on."""
    return ApiCall("POST", "/v1/parked/resume", one(models.FreedTurns))


def scopes(turn: str) -> ApiCall[models.ScopesView]:
    """What a turn is at this moment."""
    return ApiCall("GET", f"{_turn(turn)}/scopes", one(models.ScopesView))


def edit_scope(turn: str, path: str, value: Any, revision: int | None = None) -> ApiCall[models.ScopesView]:
    """Put a value at a path of a parked turn; raises Outdated where another changed it meanwhile."""
    body: Json = {"path": path, "value": value, "revision": revision}
    return ApiCall("PUT", f"{_turn(turn)}/scopes", one(models.ScopesView), body=body)


def debug_act(
    turn: str, action: DebugAction, *, stage: str = "", revision: int | None = None
) -> ApiCall[models.ParkedView]:
    """Do something with a parked turn; returns how it was parked."""
    body: Json = {"revision": revision, "stage": stage}
    return ApiCall("POST", f"{_turn(turn)}/{action}", one(models.ParkedView), body=body)


def answer_turn(turn: str, text: str, *, revision: int | None = None) -> ApiCall[models.ParkedView]:
    """Answer a parked turn in one's own words; no model is asked."""
    body: Json = {"text": text, "revision": revision}
    return ApiCall("POST", f"{_turn(turn)}/answer", one(models.ParkedView), body=body)


def _breakpoint(id: str) -> str:
    return f"/v1/breakpoints/{segment(id, 'breakpoint')}"


def _turn(turn: str) -> str:
    return f"/v1/turns/{segment(turn, 'turn')}"
