"""Calls of the local API about rollbacks; see `mindbot.api.calls`."""

from __future__ import annotations

from mindbot.api.one_call import ApiCall, one, segment
from mindbot.api.rollback_models import RollBack, RolledBackView


def roll_back(session: str, order: RollBack) -> ApiCall[RolledBackView]:
    """Let the last exchanges of a session be no history any more."""
    path = f"/v1/sessions/{segment(session, 'session')}/rollback"
    return ApiCall("POST", path, one(RolledBackView), body=order.model_dump())


def restore(session: str) -> ApiCall[RolledBackView]:
    """Let what was rolled back last be history again."""
    return ApiCall("POST", f"/v1/sessions/{segment(session, 'session')}/restore", one(RolledBackView))
